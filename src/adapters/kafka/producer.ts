import { type Connection, initProducerIdV4, ProtocolError } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import { ANY_BROKER, BrokerCircuits } from "../../kafka/broker-circuits.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { BatchOutcome, BatchSender, LogBatch } from "../../kafka/log-batch.ts";
import { encodeBatch, encodePlainBatch } from "./batch-encoder.ts";
import type { ConnectionRole, KafkaClient } from "./client.ts";
import { LeaderWatch } from "./leader-watch.ts";
import { produce, type ProduceAnswer, type ProducePartition } from "./produce-api.ts";
import { outcomeOf } from "./produce-outcome.ts";
import { ProducerState } from "./producer-state.ts";

/** Of an append's time, what replicas may take: one that lags must not cost its neighbours' answer. */
const REPLICAS_SHARE = 2 / 3;

interface Request {
  /** Rejects when one of its batches was given up. */
  readonly cut: PromiseWithResolvers<never>;
  connection: Connection | undefined;
}

/**
 * Sends batches to the leaders of their partitions, each exactly once as far as brokers can tell
 * ({@link ProducerState}). A broker that fails five times in a row is left alone for a while: what is
 * sent to it meanwhile fails at once.
 */
export class KafkaProducer implements BatchSender {
  readonly #client: KafkaClient;
  readonly #state = new ProducerState();
  readonly #circuits: BrokerCircuits;
  readonly #leaders: LeaderWatch;
  /** By batch, while `send` is under way with it. */
  readonly #requests = new WeakMap<LogBatch, Request>();
  #producerId: Promise<void> | undefined;

  constructor(client: KafkaClient) {
    this.#client = client;
    const { clock, metadata } = client;
    const circuits = (this.#circuits = new BrokerCircuits(clock));
    this.#leaders = new LeaderWatch({
      clock,
      refresh: (topics) => metadata.refresh(topics),
      leaders: (topic) => metadata.topic(topic)?.leaders,
      isAway: (broker) => circuits.isAway(broker),
      refreshed: () => circuits.keep(metadata.brokers),
    });
    client.telemetry?.gauge(
      { name: "tidegate_kafka_circuits_open", help: "Brokers that are left alone for a while" },
      () => this.#circuits.open,
    );
  }

  leader(topic: string, partition: number): number {
    return this.#client.metadata.leader(topic, partition);
  }

  async send(
    broker: number,
    batches: readonly LogBatch[],
    apart: boolean,
  ): Promise<readonly BatchOutcome[]> {
    const refusal = this.#circuits.refusal(broker);
    if (refusal !== undefined) {
      this.#lookForLeaders(batches);
      const isSoonKnown = this.#circuits.isTried(broker);
      return batches.map(() => (isSoonKnown ? again("no", refusal) : failed(refusal)));
    }
    for (const batch of batches) batch.held = true;
    if (broker === ANY_BROKER) return this.#locate(batches);
    const request: Request = { cut: Promise.withResolvers<never>(), connection: undefined };
    // Nobody may be waiting for it when it comes.
    request.cut.promise.catch(() => {});
    for (const batch of batches) this.#requests.set(batch, request);
    try {
      return await this.#request(broker, batches, request, apart ? "apart" : "produce");
    } finally {
      for (const batch of batches) this.#requests.delete(batch);
    }
  }

  abandon(batch: LogBatch): void {
    this.#state.raiseEpoch(batch.topic, batch.partition);
    const request = this.#requests.get(batch);
    if (request === undefined) return;
    request.cut.reject(new AppError("log_unavailable", "The broker did not answer in time"));
    if (request.connection !== undefined) this.#client.cut(request.connection);
  }

  /** Looks for leaders no more. */
  close(): void {
    this.#leaders.close();
  }

  /** Asks for the producer id ahead of the first append. @throws the library's error */
  async open(): Promise<void> {
    if (this.#state.producer !== undefined) return;
    this.#producerId ??= this.#askProducerId().finally(() => {
      this.#producerId = undefined;
    });
    await this.#producerId;
  }

  async #request(
    broker: number,
    batches: readonly LogBatch[],
    request: Request,
    role: ConnectionRole,
  ): Promise<readonly BatchOutcome[]> {
    const { limits } = this.#client;
    let written: "no" | "maybe" = "no";
    try {
      const ready = (async () => {
        await this.open();
        return this.#client.connection(broker, role);
      })();
      // It goes on when the request was cut before: its end is of no interest then.
      ready.catch(() => {});
      const connection = await Promise.race([ready, request.cut.promise]);
      const partitions = await this.#encode(batches);
      // Some may have been given up meanwhile; what is not sent cannot land.
      if (batches.some(({ done }) => done)) throw GIVEN_UP;
      for (const batch of batches) batch.held = false;
      written = "maybe";
      request.connection = connection;
      const answers = await produce(
        connection,
        partitions,
        Math.round(limits.appendOutcomeMs * REPLICAS_SHARE),
      );
      this.#circuits.succeeded(broker);
      return this.#outcomes(batches, answers);
    } catch (error) {
      this.#circuits.failed(broker);
      this.#lookForLeaders(batches);
      return batches.map(() => again(written, kafkaAppError(error)));
    }
  }

  async #encode(batches: readonly LogBatch[]): Promise<readonly ProducePartition[]> {
    const { compression } = this.#client.settings;
    const now = this.#client.clock.now();
    const encoded: ProducePartition[] = [];
    for (const { topic, partition, records, done } of batches) {
      if (done) continue;
      const identity = this.#state.identity(topic, partition);
      const batch =
        compression === "none"
          ? encodePlainBatch(records, now, identity)
          : await encodeBatch(records, now, identity, compression);
      encoded.push({ topic, partition, batch });
    }
    return encoded;
  }

  #outcomes(
    batches: readonly LogBatch[],
    answers: readonly ProduceAnswer[],
  ): readonly BatchOutcome[] {
    const byTopic = new Map<string, ProduceAnswer[]>();
    for (const answer of answers) {
      let partitions = byTopic.get(answer.topic);
      if (partitions === undefined) byTopic.set(answer.topic, (partitions = []));
      partitions[answer.partition] = answer;
    }
    return batches.map((batch) => {
      const answer = byTopic.get(batch.topic)?.[batch.partition];
      if (batch.done || answer === undefined) return again("maybe", NO_ANSWER);
      if (answer.errorCode === 0) {
        this.#state.advance(batch.topic, batch.partition, batch.records.length);
        return { kind: "appended", base: answer.baseOffset };
      }
      return this.#refusal(batch, answer);
    });
  }

  #refusal(batch: LogBatch, { errorCode, message }: ProduceAnswer): BatchOutcome {
    const error = new ProtocolError(errorCode, message);
    const name = (error as unknown as { apiId: string }).apiId;
    const { outcome, effect } = outcomeOf(name, kafkaAppError(error), batch.uncertain);
    const { topic, partition } = batch;
    if (effect === "leader") this.#client.metadata.forget(topic);
    else if (effect === "epoch") this.#state.raiseEpoch(topic, partition);
    else if (effect === "producer") {
      this.#state.use(undefined);
      this.#state.restart(topic, partition);
    }
    return outcome;
  }

  /** Finds the leaders of partitions whose leader is not known. */
  async #locate(batches: readonly LogBatch[]): Promise<readonly BatchOutcome[]> {
    const { metadata } = this.#client;
    try {
      await metadata.refresh(batches.map(({ topic }) => topic));
      this.#circuits.succeeded(ANY_BROKER);
    } catch (error) {
      this.#circuits.failed(ANY_BROKER);
      return batches.map(() => again("no", kafkaAppError(error)));
    }
    return batches.map(({ topic, partition }) => {
      const known = metadata.topic(topic);
      if (known === undefined)
        return again("no", kafkaAppError(new ProtocolError(metadata.fault(topic))));
      const there = known.leaders[partition] !== undefined;
      const id = there ? "LEADER_NOT_AVAILABLE" : "UNKNOWN_TOPIC_OR_PARTITION";
      return again("no", kafkaAppError(new ProtocolError(id)));
    });
  }

  #lookForLeaders(batches: readonly LogBatch[]): void {
    if (!this.#client.closed) this.#leaders.failed(batches.map(({ topic }) => topic));
  }

  async #askProducerId(): Promise<void> {
    const { settings } = this.#client;
    try {
      const connection = await this.#client.anyConnection();
      const answer = await initProducerIdV4.api.async(connection, null, settings.requestTimeoutMs);
      this.#state.use({ id: answer.producerId, epoch: answer.producerEpoch });
    } catch (error) {
      this.#client.producerFailed();
      throw error;
    }
  }
}

const GIVEN_UP = new AppError("log_unavailable", "The request was given up before it was sent");
const NO_ANSWER = new AppError("log_unavailable", "The broker's answer lacks the partition");

function failed(error: AppError): BatchOutcome {
  return { kind: "failed", error };
}

function again(written: "no" | "maybe", error: AppError): BatchOutcome {
  return { kind: "again", written, error };
}
