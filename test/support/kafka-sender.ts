import type { BatchOutcome, BatchSender, LogBatch } from "../../src/kafka/log-batch.ts";

/** One request that waits for the test to answer it. */
export interface SentRequest {
  readonly broker: number;
  readonly batches: readonly LogBatch[];
  readonly apart: boolean;
  answer(...outcomes: BatchOutcome[]): void;
}

/** A sender whose answers the test gives. */
export class ScriptedSender implements BatchSender {
  readonly requests: SentRequest[] = [];
  readonly abandoned: LogBatch[] = [];
  /** Broker by `topic/partition`; 1 where it is not said. */
  readonly leaders = new Map<string, number>();

  leader(topic: string, partition: number): number {
    return this.leaders.get(`${topic}/${partition}`) ?? 1;
  }

  send(
    broker: number,
    batches: readonly LogBatch[],
    apart: boolean,
  ): Promise<readonly BatchOutcome[]> {
    const { promise, resolve } = Promise.withResolvers<readonly BatchOutcome[]>();
    this.requests.push({ broker, batches, apart, answer: (...outcomes) => resolve(outcomes) });
    return promise;
  }

  abandon(batch: LogBatch): void {
    this.abandoned.push(batch);
  }

  /** The values of each batch of a request, as `topic/partition: 1 2 3`. */
  shown(request: number): string[] {
    return (this.requests[request]?.batches ?? []).map(
      ({ topic, partition, records }) =>
        `${topic}/${partition}: ${records.map(({ value }) => value).join(" ")}`,
    );
  }
}
