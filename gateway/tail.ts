import { asAppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import type { PublishedRun } from "../src/ports/backplane.ts";
import type { Clock, Timer } from "../src/ports/clock.ts";
import type { EventFeed, PartitionId, PlacedEvent } from "../src/ports/message-store.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";

export interface TailOptions {
  readonly store: EventFeed;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  readonly host: TailHost;
}

export interface TailHost {
  /** Events that were stored, as runs in the order of their offsets. */
  stored(run: PublishedRun): void;
  /** The store has everything below, and {@link stored} was told. */
  reached(partition: PartitionId, nextOffset: number): void;
  /** What is stored from now on will be told; what was before has to be looked for. */
  begun(partition: PartitionId): void;
}

/**
 * From so many pages on it is cheaper to look for what the readers lack. The last beat of a partition
 * that nobody here has read lately may be of yesterday.
 */
const PAGES_MAX = 128;

interface Entry extends PartitionId {
  /** What is stored from here on is to be told; undefined until the store has said where it is. */
  from: number | undefined;
}

/**
 * Brings what is stored in partitions whose beats are missing, as if it were published: the readers see
 * by the seq what they have had. Costs one look a round for all partitions while nothing happens.
 */
export class Tail {
  readonly #options: TailOptions;
  readonly #entries = new Map<string, Entry>();
  readonly #events: Counter;
  #timer: Timer | undefined;
  #running = false;
  #failing = false;

  constructor(options: TailOptions) {
    this.#options = options;
    const { telemetry } = options;
    this.#events = telemetry.counter({
      name: "tidegate_relay_tailed_events_total",
      help: "Events read from the store because beats were missing",
    });
    telemetry.gauge(
      {
        name: "tidegate_relay_tailed_partitions",
        help: "Partitions that are read from the store because beats are missing",
      },
      () => this.#entries.size,
    );
  }

  /**
   * Begins after one interval, so that a beat that comes meanwhile costs nothing.
   * @param from where the store was at the last beat, however old; undefined: there was none
   */
  start({ topic, partition }: PartitionId, from: number | undefined): void {
    const name = nameOf(topic, partition);
    if (this.#entries.has(name)) return;
    this.#entries.set(name, { topic, partition, from });
    this.#schedule();
  }

  stop(topic: string, partition: number): void {
    this.#entries.delete(nameOf(topic, partition));
  }

  /** Whether everything that is stored from now on in this partition will be told. */
  covers(topic: string, partition: number): boolean {
    return this.#entries.get(nameOf(topic, partition))?.from !== undefined;
  }

  close(): void {
    this.#entries.clear();
    this.#timer?.cancel();
  }

  #schedule(): void {
    if (this.#timer !== undefined || this.#running || this.#entries.size === 0) return;
    const { clock, limits } = this.#options;
    this.#timer = clock.after(limits.tailIntervalMs, () => {
      this.#timer = undefined;
      this.#running = true;
      void this.#round().finally(() => {
        this.#running = false;
        this.#schedule();
      });
    });
  }

  async #round(): Promise<void> {
    const { store, limits, telemetry } = this.#options;
    try {
      const stored = new Map<string, number>();
      for (const { topic, partition, nextOffset } of await store.offsets())
        stored.set(nameOf(topic, partition), nextOffset);
      const entries = [...this.#entries].values();
      const work = async (): Promise<void> => {
        for (const [name, entry] of entries)
          try {
            await this.#read(name, entry, stored.get(name) ?? 0);
          } catch (error) {
            this.#putLast(name, entry);
            throw error;
          }
      };
      // A round is over when all of its reads are: the next one would read the same again beside them,
      // and both would move the same offset.
      const ends = await Promise.allSettled(Array.from({ length: limits.tailReadsMax }, work));
      for (const end of ends) if (end.status === "rejected") throw end.reason;
      this.#failing = false;
    } catch (error) {
      if (!this.#failing)
        telemetry.log("warn", "the store cannot be read in place of the backplane", {
          error: asAppError(error).message,
        });
      this.#failing = true;
    }
  }

  /** A read that fails ends this round's: the next one begins with those that may do better. */
  #putLast(name: string, entry: Entry): void {
    if (this.#entries.get(name) !== entry) return;
    this.#entries.delete(name);
    this.#entries.set(name, entry);
  }

  /** Tells everything up to `end`. */
  async #read(name: string, entry: Entry, end: number): Promise<void> {
    const { store, limits, host } = this.#options;
    const eventsMax = PAGES_MAX * limits.tailPageEventsMax;
    if (entry.from === undefined || end - entry.from > eventsMax) {
      entry.from = end;
      host.begun(entry);
      return;
    }
    while (entry.from < end) {
      const page = await store.feed(entry, entry.from, limits.tailPageEventsMax);
      // The beats are back: what was missed is found out by their number.
      if (this.#entries.get(name) !== entry) return;
      entry.from = Math.max(page.nextOffset, entry.from + 1);
      this.#events.value += page.events.length;
      for (const run of runsOf(page.events)) host.stored(run);
    }
    if (this.#entries.get(name) === entry) host.reached(entry, entry.from);
  }
}

function nameOf(topic: string, partition: number): string {
  return `${topic}/${partition}`;
}

/** Events of one conversation and epoch whose seqs follow each other. */
interface OpenRun extends PublishedRun {
  readonly offsets: number[];
  readonly events: string[];
}

function runsOf(events: readonly PlacedEvent[]): Iterable<PublishedRun> {
  const last = new Map<string, OpenRun>();
  const runs: OpenRun[] = [];
  for (const { tenant, conversation, epoch, seq, offset, event } of events) {
    const key = `${tenant}\u0000${conversation}`;
    let run = last.get(key);
    if (run === undefined || run.epoch !== epoch || run.firstSeq + run.events.length !== seq) {
      run = { tenant, conversation, epoch, firstSeq: seq, offsets: [], events: [] };
      last.set(key, run);
      runs.push(run);
    }
    run.offsets.push(offset);
    run.events.push(event);
  }
  return runs;
}
