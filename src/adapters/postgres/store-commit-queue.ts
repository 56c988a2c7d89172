import { type AppError, asAppError } from "../../errors.ts";
import type { EncodedBatch } from "./store-run.ts";
import type { StoreTelemetry } from "./store-telemetry.ts";
import type { StoreTransaction } from "./store-transaction.ts";

interface Waiting {
  readonly batch: EncodedBatch;
  readonly since: number;
  readonly resolve: () => void;
  readonly reject: (error: AppError) => void;
}

export interface CommitQueueOptions {
  readonly transaction: StoreTransaction;
  readonly telemetry: StoreTelemetry;
  /** Transactions at a time, each on a connection of its own. */
  readonly transactionsMax: number;
  /** Events in one transaction; a batch that alone has more goes alone. */
  readonly eventsMax: number;
}

/** Partitions commit at instants that they share, which timers meet to the millisecond. */
const GATHER_MS = 2;

/**
 * Commits batches in the order they came, those of many partitions in one transaction: a commit
 * costs the same for one row and for thousands. A partition has one batch in flight, so its next
 * one finds what it left. The line is bounded by who commits: a partition's owner has one batch on
 * its way, and its unstored tail is bounded.
 */
export class CommitQueue {
  readonly #options: CommitQueueOptions;
  readonly #busy = new Set<string>();
  #waiting: Waiting[] = [];
  #inFlight = 0;
  #scheduled = false;
  #idle = Promise.withResolvers<void>();

  constructor(options: CommitQueueOptions) {
    this.#options = options;
    this.#idle.resolve();
  }

  get waiting(): number {
    return this.#waiting.length;
  }

  push(batch: EncodedBatch): Promise<void> {
    if (this.#waiting.length === 0 && this.#inFlight === 0) this.#idle = Promise.withResolvers();
    return new Promise((resolve, reject) => {
      this.#waiting.push({ batch, since: performance.now(), resolve, reject });
      if (this.#scheduled) return;
      this.#scheduled = true;
      // Those of one instant go together: their timers fire in turns of their own.
      setTimeout(() => {
        this.#scheduled = false;
        this.#flush();
      }, GATHER_MS);
    });
  }

  /** Resolves when every batch has its outcome. */
  settled(): Promise<void> {
    return this.#idle.promise;
  }

  #flush(): void {
    while (this.#inFlight < this.#options.transactionsMax) {
      const group = this.#takeGroup();
      if (group.length === 0) return;
      this.#inFlight++;
      for (const { batch } of group) this.#busy.add(partitionName(batch));
      void this.#commit(group).finally(() => {
        for (const { batch } of group) this.#busy.delete(partitionName(batch));
        this.#inFlight--;
        if (!this.#scheduled) this.#flush();
        if (this.#inFlight === 0 && this.#waiting.length === 0) this.#idle.resolve();
      });
    }
  }

  /** The first waiting batch of each partition that has none in flight. */
  #takeGroup(): Waiting[] {
    const group: Waiting[] = [];
    const left: Waiting[] = [];
    const taken = new Set<string>();
    let events = 0;
    for (const waiting of this.#waiting) {
      const name = partitionName(waiting.batch);
      const fits = group.length === 0 || events + waiting.batch.events <= this.#options.eventsMax;
      if (fits && !taken.has(name) && !this.#busy.has(name)) {
        events += waiting.batch.events;
        group.push(waiting);
      } else left.push(waiting);
      // Also when it did not fit: a later one of its partition must not overtake it.
      taken.add(name);
    }
    this.#waiting = left;
    return group;
  }

  async #commit(group: readonly Waiting[]): Promise<void> {
    const { transaction, telemetry } = this.#options;
    const started = performance.now();
    try {
      const outcomes = await transaction.apply(group.map(({ batch }) => batch));
      telemetry.transaction(performance.now() - started);
      group.forEach((waiting, i) => this.#settle(waiting, outcomes[i]));
    } catch (error) {
      const fault = asAppError(error);
      // Only one of them may be what the server refuses.
      if (fault.code === "row_refused" && group.length > 1)
        for (const waiting of group) await this.#commit([waiting]);
      else for (const waiting of group) this.#settle(waiting, fault);
    }
  }

  #settle({ batch, since, resolve, reject }: Waiting, fault: AppError | undefined): void {
    if (fault) {
      this.#options.telemetry.refused(fault.code);
      reject(fault);
      return;
    }
    this.#options.telemetry.committed(performance.now() - since, batch);
    resolve();
  }
}

function partitionName({ topic, partition }: EncodedBatch): string {
  return `${partition} ${topic}`;
}
