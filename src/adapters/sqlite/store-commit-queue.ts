import { AppError } from "../../errors.ts";
import { BufferPool } from "./buffer-pool.ts";
import type { EncodedBatch } from "./store-batch.ts";
import type { StoreTelemetry } from "./store-telemetry.ts";
import type { WriterApi } from "./store-writer-thread.ts";
import type { Thread } from "./thread.ts";

interface Waiting {
  readonly batch: EncodedBatch;
  readonly events: number;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

/** One at work and one that is ready for when it is done. */
const IN_FLIGHT_MAX = 2;
/** Partitions of an ordinary process, with a batch each on its way. */
const BUFFERS_MAX = 32;

/**
 * Sends batches to the writer in the order they came. While it is busy they gather here and go as
 * one message and one transaction: many partitions with small batches cost little more than one
 * with a large one. Its length is bounded by who commits: a partition's owner has one batch on its
 * way, and its unstored tail is bounded.
 */
export class CommitQueue {
  readonly #writer: Thread<WriterApi>;
  readonly #telemetry: StoreTelemetry;
  readonly #buffers = new BufferPool(BUFFERS_MAX);
  #waiting: Waiting[] = [];
  #inFlight = 0;
  #scheduled = false;
  #idle = Promise.withResolvers<void>();

  constructor(writer: Thread<WriterApi>, telemetry: StoreTelemetry) {
    this.#writer = writer;
    this.#telemetry = telemetry;
    this.#idle.resolve();
  }

  /** A buffer for the next batch. */
  spare(): ArrayBuffer | undefined {
    return this.#buffers.take();
  }

  push(batch: EncodedBatch, events: number): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlight === 0) this.#idle = Promise.withResolvers();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, events, since: performance.now(), resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // The batches of one turn go together.
      queueMicrotask(() => {
        this.#scheduled = false;
        this.#flush();
      });
    });
  }

  /** Resolves when every batch has its outcome. */
  settled(): Promise<void> {
    return this.#idle.promise;
  }

  #flush(): void {
    if (this.#inFlight >= IN_FLIGHT_MAX || this.#waiting.length === 0) return;
    const group = this.#waiting;
    this.#waiting = [];
    this.#inFlight++;
    void this.#send(group).finally(() => {
      this.#inFlight--;
      this.#flush();
      if (this.#inFlight === 0) this.#idle.resolve();
    });
  }

  async #send(group: readonly Waiting[]): Promise<void> {
    try {
      const batches = group.map(({ batch }) => batch);
      const buffers = batches.map(({ buffer }) => buffer);
      const reply = await this.#writer.call("commit", [batches], "unknown_outcome", buffers);
      for (const buffer of reply.buffers) this.#buffers.give(buffer);
      this.#telemetry.transaction(reply);
      group.forEach((waiting, i) => {
        const outcome = reply.outcomes[i];
        if (outcome) this.#fail(waiting, new AppError(outcome.code, outcome.message));
        else {
          this.#telemetry.committed(performance.now() - waiting.since, waiting.events);
          waiting.resolve();
        }
      });
    } catch (error) {
      const fault =
        error instanceof AppError ? error : new AppError("internal", undefined, { cause: error });
      for (const waiting of group) this.#fail(waiting, fault);
    }
  }

  #fail(waiting: Waiting, error: AppError): void {
    this.#telemetry.refused(error.code);
    waiting.reject(error);
  }
}
