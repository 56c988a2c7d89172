import type { Clock } from "../../src/ports/clock.ts";
import type { MessageStore, PartitionId } from "../../src/ports/message-store.ts";
import { StoredRate } from "./stored-rate.ts";

export interface StoredLookOptions {
  readonly store: Pick<MessageStore, "offsets">;
  readonly clock: Pick<Clock, "after" | "monotonic">;
  /** Between two looks, in ms. */
  readonly everyMs: number;
  /** Records a second from which on the store counts as busy. */
  readonly busyPerSecond: number;
}

/** Who is far behind would not look for hours: all that it reads was stored when it last did. */
const OLD_MS = 1_000;

/**
 * How far the store is, of all partitions at once: one look serves everyone who waits, since a look for
 * each of a thousand partitions would read a million rows.
 */
export class StoredLook {
  readonly #options: StoredLookOptions;
  readonly #rate: StoredRate;
  #offsets = new Map<string, number>();
  #looking: Promise<void> | undefined;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: StoredLookOptions) {
    this.#options = options;
    this.#rate = new StoredRate(options.busyPerSecond);
  }

  /** Whether the store grows fast, as of the last look. */
  get isBusy(): boolean {
    return this.#rate.isBusy;
  }

  /** Whether nobody has looked for so long that the store may be busy by now, or no more. */
  get isOld(): boolean {
    return this.#options.clock.monotonic() - this.#lookedAt > OLD_MS;
  }

  /** Whether the store has all of a partition below `nextOffset`, as of the last look. */
  has({ topic, partition }: PartitionId, nextOffset: number): boolean {
    return (this.#offsets.get(nameOf(topic, partition)) ?? 0) >= nextOffset;
  }

  /** What is known of a partition no longer holds: its topic may be another one of the same name. */
  forget(topic: string, partition: number): void {
    this.#offsets.delete(nameOf(topic, partition));
  }

  /** Resolves after the next look. @throws what the store throws */
  next(): Promise<void> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
    });
    return this.#looking;
  }

  async #look(): Promise<void> {
    const { clock, everyMs, store } = this.#options;
    const wait = this.#lookedAt + everyMs - clock.monotonic();
    if (wait > 0) await new Promise<void>((resolve) => void clock.after(wait, resolve));
    this.#lookedAt = clock.monotonic();
    const offsets = await store.offsets();
    this.#rate.see(offsets, clock.monotonic());
    this.#offsets = new Map(
      offsets.map(({ topic, partition, nextOffset }) => [nameOf(topic, partition), nextOffset]),
    );
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}
