import { AppError } from "../../errors.ts";
import { ANY_BROKER, BrokerCircuits } from "../../kafka/broker-circuits.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { BatchOutcome, BatchSender, LogBatch } from "../../kafka/log-batch.ts";
import type { KafkaCompression } from "../../kafka/settings.ts";
import type { Clock } from "../../ports/clock.ts";
import { type BatchIdentity, encodeBatch } from "./batch-writer.ts";
import type { Brokers } from "./brokers.ts";
import { type Directory, unknownPartition } from "./directory.ts";
import { type ProducedPartition, produceCall } from "./produce.ts";
import { ProducerIdentity } from "./producer-identity.ts";
import { codeName, ProtocolError } from "./protocol.ts";

export interface SenderOptions {
  readonly brokers: Brokers;
  readonly directory: Directory;
  readonly compression: KafkaCompression;
  /** For the replicas; appends have no later outcome anyway. */
  readonly timeoutMs: number;
  readonly clock: Clock;
}

/** Kafka's code LEADER_NOT_AVAILABLE. */
const NO_LEADER = 5;
/** A topic that was made a moment ago is not known to every broker. */
const UNKNOWN_TRIES = 5;
/** Between two looks for new leaders while a broker fails. */
const LOOK_MS = 250;

/** Certainly not written; another broker, or the same a moment later, may take it. */
const AGAIN: ReadonlySet<string> = new Set([
  "UNKNOWN_TOPIC_OR_PARTITION",
  "LEADER_NOT_AVAILABLE",
  "NOT_LEADER_FOR_PARTITION",
  "FENCED_LEADER_EPOCH",
  "UNKNOWN_LEADER_EPOCH",
  "REPLICA_NOT_AVAILABLE",
  "NOT_ENOUGH_REPLICAS",
  "CORRUPT_MESSAGE",
  "THROTTLING_QUOTA_EXCEEDED",
]);
/** The leader has it, but not as many replicas as it takes; or nobody knows. */
const AGAIN_MAYBE: ReadonlySet<string> = new Set([
  "NOT_ENOUGH_REPLICAS_AFTER_APPEND",
  "REQUEST_TIMED_OUT",
  "KAFKA_STORAGE_ERROR",
]);
const TOO_LARGE: ReadonlySet<string> = new Set(["MESSAGE_TOO_LARGE", "RECORD_LIST_TOO_LARGE"]);
/** The broker does not know this producer's last batch: it starts over under a higher epoch. */
const OUT_OF_STEP: ReadonlySet<string> = new Set([
  "OUT_OF_ORDER_SEQUENCE_NUMBER",
  "UNKNOWN_PRODUCER_ID",
  "INVALID_PRODUCER_EPOCH",
]);

/**
 * Sends batches with acks=all and sequence numbers of its own, so that a second try of the same batch
 * is taken once. The library's idempotent producer is not used: it is called experimental, and
 * tells one outcome for many partitions.
 */
export class ProduceSender implements BatchSender {
  readonly #options: SenderOptions;
  readonly #identity: ProducerIdentity;
  /** Node that each batch is on its way to. */
  readonly #onTheWay = new Map<LogBatch, number>();
  readonly #circuits: BrokerCircuits;
  #lookedAt = Number.NEGATIVE_INFINITY;

  constructor(options: SenderOptions) {
    this.#options = options;
    this.#circuits = new BrokerCircuits(options.clock);
    this.#identity = new ProducerIdentity(options.brokers, options.timeoutMs);
  }

  leader(topic: string, partition: number): number {
    return this.#options.directory.leader(topic, partition);
  }

  async send(broker: number, batches: readonly LogBatch[]): Promise<readonly BatchOutcome[]> {
    const error = this.#circuits.refusal(broker);
    if (error !== undefined) {
      this.#lookForLeaders(batches);
      return batches.map(() => ({ kind: "failed", error }));
    }
    for (const batch of batches) {
      batch.held = true;
      this.#onTheWay.set(batch, broker);
    }
    try {
      if (broker === ANY_BROKER) return await this.#findLeaders(batches);
      return await this.#produce(broker, batches);
    } finally {
      for (const batch of batches) {
        batch.held = false;
        this.#onTheWay.delete(batch);
      }
    }
  }

  abandon(batch: LogBatch): void {
    this.#identity.raise(batch);
    const broker = this.#onTheWay.get(batch);
    // Others that share the request try again under the same sequence numbers.
    if (broker !== undefined) this.#options.brokers.cut("produce", broker);
  }

  async #produce(broker: number, batches: readonly LogBatch[]): Promise<readonly BatchOutcome[]> {
    const { brokers, timeoutMs } = this.#options;
    let written: "no" | "maybe" = "no";
    const take = () => {
      // Its callers were told that it is not in the log.
      if (batches.some(({ done }) => done)) throw givenUp();
      for (const batch of batches) batch.held = false;
      written = "maybe";
      return this.#encode(batches);
    };
    let partitions: readonly ProducedPartition[];
    try {
      await this.#identity.ready();
      const call = produceCall(take, timeoutMs);
      ({ partitions } = await brokers.ask("produce", broker, call, timeoutMs * 2));
      this.#circuits.succeeded(broker);
    } catch (cause) {
      this.#circuits.failed(broker);
      this.#lookForLeaders(batches);
      const error = kafkaAppError(cause);
      return batches.map(() => ({ kind: "again", written, error }));
    }
    const byTopic = Map.groupBy(partitions, (answer) => answer.topic);
    return batches.map((batch) => {
      const answers = byTopic.get(batch.topic);
      const mine = answers?.find((answer) => answer.partition === batch.partition);
      return this.#outcome(batch, mine);
    });
  }

  #encode(batches: readonly LogBatch[]): Map<string, Map<number, Buffer>> {
    const { compression, clock } = this.#options;
    const encoded = new Map<string, Map<number, Buffer>>();
    for (const batch of batches) {
      let partitions = encoded.get(batch.topic);
      if (partitions === undefined)
        encoded.set(batch.topic, (partitions = new Map<number, Buffer>()));
      const content = { records: batch.records, timestamp: clock.now() };
      const encode = (identity: BatchIdentity) => encodeBatch(content, identity, compression);
      partitions.set(batch.partition, this.#identity.bytesOf(batch, encode));
    }
    return encoded;
  }

  #outcome(batch: LogBatch, answer: ProducedPartition | undefined): BatchOutcome {
    const { topic, partition } = batch;
    if (answer === undefined) {
      const error = new AppError("unknown_outcome", "The broker's answer lacks the partition");
      return { kind: "again", written: "maybe", error };
    }
    const { code, base } = answer;
    if (code === 0) {
      this.#identity.written(batch);
      return { kind: "appended", base };
    }
    const name = codeName(code);
    const cause = new ProtocolError(code, `${topic}/${partition}`);
    if (TOO_LARGE.has(name)) return { kind: "too_large", error: kafkaAppError(cause) };
    if (AGAIN_MAYBE.has(name))
      return { kind: "again", written: "maybe", error: kafkaAppError(cause) };
    if (AGAIN.has(name)) {
      this.#options.directory.forget(topic);
      return { kind: "again", written: "no", error: kafkaAppError(cause) };
    }
    if (OUT_OF_STEP.has(name)) {
      // An earlier try may have been written, and the broker has forgotten it since.
      if (batch.uncertain) return { kind: "unknown", error: kafkaAppError(cause, "maybe") };
      this.#identity.raise(batch);
      return { kind: "again", written: "no", error: kafkaAppError(cause) };
    }
    // Written by an earlier try so long ago that the broker no longer knows where.
    if (name === "DUPLICATE_SEQUENCE_NUMBER")
      return { kind: "unknown", error: kafkaAppError(cause, "maybe") };
    return { kind: "failed", error: kafkaAppError(cause) };
  }

  async #findLeaders(batches: readonly LogBatch[]): Promise<readonly BatchOutcome[]> {
    const { directory } = this.#options;
    try {
      await directory.refresh(batches.map((batch) => batch.topic));
      this.#circuits.succeeded(ANY_BROKER);
    } catch (cause) {
      this.#circuits.failed(ANY_BROKER);
      const error = kafkaAppError(cause);
      return batches.map(() => ({ kind: "again", written: "no", error }));
    }
    return batches.map(({ topic, partition, tries }) => {
      const denial = directory.denial(topic);
      if (denial !== undefined) return { kind: "failed", error: denial };
      const isThere = partition < (directory.get(topic)?.info.partitions ?? 0);
      if (!isThere && tries >= UNKNOWN_TRIES)
        return { kind: "failed", error: unknownPartition(topic, partition) };
      const error = kafkaAppError(new ProtocolError(NO_LEADER, `${topic}/${partition}`));
      return { kind: "again", written: "no", error };
    });
  }

  /** Leaders move while a broker is away; nothing else would tell. */
  #lookForLeaders(batches: readonly LogBatch[]): void {
    const { clock, directory } = this.#options;
    const now = clock.monotonic();
    if (now - this.#lookedAt < LOOK_MS) return;
    this.#lookedAt = now;
    // Whoever needs the answer asks again and hears of the fault.
    directory.refresh(batches.map((batch) => batch.topic)).catch(() => {});
  }
}

function givenUp(): AppError {
  return new AppError("log_unavailable", "The request was given up before it was sent");
}
