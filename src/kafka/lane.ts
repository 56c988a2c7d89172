import type { Limits } from "../limits.ts";
import type { Clock } from "../ports/clock.ts";
import type { LogBatch } from "./log-batch.ts";
import type { PartitionQueue } from "./partition-queue.ts";

/** So much that is ready ends the linger. */
const FULL_BYTES = 256 * 1024;
/** The longest linger that a slow broker brings, unless the setting is longer. */
const LINGER_MAX_MS = 6;
/** Weight of the last answer's time among those before it, and of the last request's records. */
const LAST_WEIGHT = 0.2;
/** Fewer records a millisecond than these are waited for longer, … */
const FEW_PER_MS = 8;
/** … but no longer than so many answers take. */
const WAIT_ANSWERS = 4;

export interface LaneOptions {
  readonly clock: Clock;
  /** The least time between two requests. */
  readonly lingerMs: number;
  readonly limits: Pick<
    Limits,
    "produceBatchBytesMax" | "produceInFlightMax" | "produceRequestBytesMax"
  >;
  /** Settles when the answer is there. MUST NOT reject. */
  readonly send: (batches: readonly LogBatch[], queues: readonly PartitionQueue[]) => Promise<void>;
}

/** The way to one broker: which partitions have something to send, and when they may. */
export class Lane {
  readonly #options: LaneOptions;
  /** A new one for each flush (`src/bag.ts`). */
  #ready = new Set<PartitionQueue>();
  #readyBytes = 0;
  #inFlight = 0;
  #lastSentAt = Number.NEGATIVE_INFINITY;
  /** How long the broker takes to answer, of late. */
  #answerMs = 0;
  /** Of late: records of a request, and the time since the one before it. */
  #records = 0;
  #gapMs = 0;
  /** A flush is to come: at the end of this turn, or of the linger. */
  #due: "none" | "turn" | "linger" = "none";

  constructor(options: LaneOptions) {
    this.#options = options;
  }

  /** The partition has a batch to send, and none on its way. */
  offer(queue: PartitionQueue, bytes = 0): void {
    this.#ready.add(queue);
    this.#readyBytes += bytes;
    this.#schedule();
  }

  /**
   * A request costs the broker and this process much the same, however large it is. A broker that answers
   * late has enough of them: about one is under way then. Where few records come, as with many gateways at
   * one broker, they are waited for longer.
   */
  get #lingerMs(): number {
    const { lingerMs } = this.#options;
    const answerMs = this.#answerMs;
    // Squared: who has enough in about a millisecond waits no longer, and four of them for all they may.
    const lack = (FEW_PER_MS * this.#gapMs) / Math.max(this.#records, 1);
    const wait = Math.max(answerMs, Math.min(lack * lack, WAIT_ANSWERS * answerMs));
    return Math.max(lingerMs, Math.min(wait, LINGER_MAX_MS));
  }

  #schedule(): void {
    const { clock, limits } = this.#options;
    if (this.#due === "turn" || this.#inFlight >= limits.produceInFlightMax) return;
    const wait = this.#lastSentAt + this.#lingerMs - clock.monotonic();
    if (wait <= 0 || this.#readyBytes >= FULL_BYTES) {
      this.#due = "turn";
      // A microtask: what is appended by the same piece of code is one request, and nobody waits.
      queueMicrotask(() => this.#flush());
    } else if (this.#due === "none") {
      this.#due = "linger";
      clock.after(wait, () => {
        if (this.#due === "linger") this.#flush();
      });
    }
  }

  #flush(): void {
    this.#due = "none";
    const { clock, limits } = this.#options;
    if (this.#inFlight >= limits.produceInFlightMax) return;
    const batches: LogBatch[] = [];
    const queues: PartitionQueue[] = [];
    let bytes = 0;
    const ready = this.#ready;
    this.#ready = new Set();
    for (const queue of ready) {
      if (bytes >= limits.produceRequestBytesMax) {
        this.#ready.add(queue);
        continue;
      }
      if (queue.sending) continue;
      const batch = queue.current ?? queue.take(limits.produceBatchBytesMax);
      if (batch === undefined) continue;
      queue.sending = true;
      batch.held = false;
      bytes += batch.bytes;
      batches.push(batch);
      queues.push(queue);
    }
    this.#readyBytes = 0;
    if (batches.length === 0) return;
    this.#inFlight++;
    const sentAt = clock.monotonic();
    let records = 0;
    for (const batch of batches) records += batch.records.length;
    // A gap that is longer than any linger was no wait for more.
    const gapMs = Math.min(sentAt - this.#lastSentAt, 4 * LINGER_MAX_MS);
    this.#records += LAST_WEIGHT * (records - this.#records);
    this.#gapMs += LAST_WEIGHT * (gapMs - this.#gapMs);
    this.#lastSentAt = sentAt;
    void this.#options.send(batches, queues).then(() => {
      this.#inFlight--;
      this.#answerMs += LAST_WEIGHT * (clock.monotonic() - sentAt - this.#answerMs);
      if (this.#ready.size > 0) this.#schedule();
    });
    if (this.#ready.size > 0) this.#schedule();
  }
}
