import type { Clock, Timer } from "../../ports/clock.ts";
import type { Directory } from "./directory.ts";

export interface TopicWatchOptions {
  readonly directory: Directory;
  readonly clock: Clock;
  /** Another topic, or another number of partitions, than the group's last round knew. */
  readonly changed: () => void;
  /** The topic is gone, or another one has its name. */
  readonly replaced: (topic: string) => void;
  /** Leaders may be others than before. */
  readonly refreshed: () => void;
}

const INTERVAL_MS = 1_000;
const HURRY_MS = 50;

/**
 * Asks for the topics that are read, about once a second. One answer says that a topic is there; that
 * it is gone or another one, two in a row have to say: a broker that is behind tells of yesterday.
 */
export class TopicWatch {
  readonly #options: TopicWatchOptions;
  #topics: ReadonlySet<string> = new Set();
  /** As the group's last round saw them: incarnation and partitions by name. */
  #seen = new Map<string, string>();
  /** Names whose disappearance was heard once. */
  #doubted = new Set<string>();
  #timer: Timer | undefined;
  #dueAt = Number.POSITIVE_INFINITY;
  #asking = false;
  #closed = false;

  constructor(options: TopicWatchOptions) {
    this.#options = options;
  }

  start(topics: ReadonlySet<string>): void {
    this.#topics = topics;
    this.#schedule(0);
  }

  /** A round begins in which this member asks for these topics. */
  joined(topics: ReadonlySet<string>): void {
    this.#topics = topics;
    this.#seen = this.#look(topics);
  }

  /** This member, as the leader, shares these out: those of other members too. */
  planned(topics: ReadonlySet<string>): void {
    this.#topics = topics;
    this.#seen = this.#look(topics);
  }

  /** What a broker said does not fit what is known. */
  hurry(): void {
    this.#schedule(HURRY_MS);
  }

  close(): void {
    this.#closed = true;
    this.#timer?.cancel();
  }

  #schedule(ms: number): void {
    const { clock } = this.#options;
    const dueAt = clock.monotonic() + ms;
    if (this.#closed || dueAt >= this.#dueAt) return;
    this.#timer?.cancel();
    this.#dueAt = dueAt;
    this.#timer = clock.after(ms, () => {
      this.#dueAt = Number.POSITIVE_INFINITY;
      void this.#ask();
    });
  }

  async #ask(): Promise<void> {
    if (this.#asking) return this.#schedule(HURRY_MS);
    this.#asking = true;
    try {
      await this.#options.directory.refresh(this.#topics);
      if (!this.#closed) this.#compare();
    } catch {
      // No broker answers: readers see it by the lack of records, and it is asked again below.
    }
    this.#asking = false;
    this.#schedule(this.#doubted.size > 0 ? HURRY_MS : INTERVAL_MS);
  }

  #compare(): void {
    const { changed, replaced, refreshed } = this.#options;
    const now = this.#look(this.#topics);
    const doubted = new Set<string>();
    let differs = false;
    for (const topic of this.#topics) {
      const before = this.#seen.get(topic);
      const after = now.get(topic);
      if (before === after) continue;
      if (before === undefined) differs = true;
      else if (after !== undefined && sameTopic(before, after)) differs = true;
      else if (!this.#doubted.has(topic)) doubted.add(topic);
      else {
        this.#seen.delete(topic);
        replaced(topic);
      }
    }
    this.#doubted = doubted;
    if (differs) changed();
    refreshed();
  }

  #look(topics: ReadonlySet<string>): Map<string, string> {
    const seen = new Map<string, string>();
    for (const topic of topics) {
      const info = this.#options.directory.get(topic)?.info;
      if (info !== undefined) seen.set(topic, `${info.incarnation} ${info.partitions}`);
    }
    return seen;
  }
}

function sameTopic(before: string, after: string): boolean {
  return before.split(" ")[0] === after.split(" ")[0];
}
