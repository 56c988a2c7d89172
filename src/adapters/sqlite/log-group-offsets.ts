import { AppError } from "../../errors.ts";
import type { OffsetKeeper } from "../../group/coordinator.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { KeptOffset } from "./log-messages.ts";
import type { KeeperThread } from "./log-threads.ts";
import type { LogTopics } from "./log-topics.ts";

const SAVE_AFTER_MS = 1_000;

/**
 * Groups' committed offsets. They are for lag displays only, so they reach the disk once a second
 * and at the end, not with each call.
 */
export class LogGroupOffsets implements OffsetKeeper {
  private readonly kept = new Map<string, KeptOffset>();
  private changed = new Map<string, KeptOffset>();
  private timer: Timer | undefined;
  private readonly clock: Clock;
  private readonly keeper: KeeperThread;
  private readonly topics: LogTopics;

  constructor(
    clock: Clock,
    keeper: KeeperThread,
    topics: LogTopics,
    committed: readonly KeptOffset[],
  ) {
    this.clock = clock;
    this.keeper = keeper;
    this.topics = topics;
    for (const entry of committed) this.kept.set(keyOf(entry), entry);
  }

  get(group: string, topic: string, partition: number): number | undefined {
    const id = this.topics.get(topic)?.kept.id;
    if (id === undefined) return undefined;
    return this.kept.get(keyOf({ group, topic: id, partition }))?.offset;
  }

  async commit(group: string, topic: string, partition: number, offset: number): Promise<void> {
    const id = this.topics.get(topic)?.kept.id;
    if (id === undefined) throw new AppError("topic_unknown", `There is no topic ${topic}`);
    const entry: KeptOffset = { group, topic: id, partition, offset };
    this.kept.set(keyOf(entry), entry);
    this.changed.set(keyOf(entry), entry);
    this.timer ??= this.clock.after(SAVE_AFTER_MS, () => void this.save());
  }

  forget(topic: number): void {
    for (const entries of [this.kept, this.changed])
      for (const [key, entry] of entries) if (entry.topic === topic) entries.delete(key);
  }

  async save(): Promise<void> {
    this.timer?.cancel();
    this.timer = undefined;
    if (this.changed.size === 0) return;
    const offsets = this.changed;
    this.changed = new Map();
    try {
      await this.keeper.call("saveOffsets", [...offsets.values()]);
    } catch {
      // Tried again with the next change; what is newer by now wins.
      for (const [key, entry] of offsets) if (!this.changed.has(key)) this.changed.set(key, entry);
    }
  }
}

function keyOf(entry: Omit<KeptOffset, "offset">): string {
  return `${entry.group}\0${entry.topic}\0${entry.partition}`;
}
