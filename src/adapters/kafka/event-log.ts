import { AppError } from "../../errors.ts";
import { Accumulator } from "../../kafka/accumulator.ts";
import { createAppendMetrics } from "../../kafka/append-metrics.ts";
import { EventPublisher } from "../../kafka/event-publisher.ts";
import type {
  ConsumeOptions,
  Consumer,
  EventLog,
  PartitionRange,
  RecordBatch,
  TopicInfo,
} from "../../ports/event-log.ts";
import type { TopicSpec } from "../../topics.ts";
import type { LogRecord } from "../../wire/record.ts";
import { KafkaAdmin } from "./admin.ts";
import { KafkaClient, type KafkaClientOptions } from "./client.ts";
import { KafkaClusterState } from "./cluster-state.ts";
import { joinKafkaGroup } from "./consumer.ts";
import { KafkaProducer } from "./producer.ts";
import { readPage } from "./reader.ts";
import { type AtomicAppend, KafkaTransactions } from "./transactions.ts";

export interface KafkaLogOptions extends KafkaClientOptions {
  /**
   * This process's own for `appendAtomic`, the same after a restart, so that what a crash left open
   * does not hold up readers; a new one each time when it is left out.
   */
  readonly transactionalId?: string;
}

/** The log of the cluster mode: Kafka through `@platformatic/kafka`. */
export class KafkaEventLog implements EventLog {
  readonly durability = "log";
  readonly client: KafkaClient;
  /** For operators. */
  readonly cluster: KafkaClusterState;
  readonly #admin: KafkaAdmin;
  readonly #producer: KafkaProducer;
  readonly #accumulator: Accumulator;
  readonly #consumers = new Set<Consumer>();
  readonly #publisher: EventPublisher;
  readonly #transactions: KafkaTransactions;
  #closing: Promise<void> | undefined;

  constructor(options: KafkaLogOptions) {
    this.client = new KafkaClient(options);
    const { clock, limits, settings, telemetry } = this.client;
    this.#admin = new KafkaAdmin(this.client);
    this.cluster = new KafkaClusterState(this.client);
    this.#producer = new KafkaProducer(this.client);
    const { lingerMs } = settings;
    const observer =
      telemetry === undefined
        ? {}
        : { observer: createAppendMetrics(telemetry, () => this.#accumulator.pendingBytes) };
    this.#accumulator = new Accumulator({
      clock,
      limits,
      lingerMs,
      sender: this.#producer,
      ...observer,
    });
    this.#publisher = new EventPublisher({
      append: (topic, partition, records) => this.append(topic, partition, records),
      limits,
      telemetry,
    });
    const own = `${settings.clientId}-${crypto.randomUUID()}`;
    this.#transactions = new KafkaTransactions(this.client, options.transactionalId ?? own);
  }

  async createTopic(spec: TopicSpec): Promise<TopicInfo> {
    this.#assertOpen();
    return this.#admin.createTopic(spec);
  }

  async describeTopic(name: string): Promise<TopicInfo | undefined> {
    this.#assertOpen();
    return this.#admin.describeTopic(name);
  }

  async topics(): Promise<readonly TopicInfo[]> {
    this.#assertOpen();
    return this.#admin.topics();
  }

  async deleteTopic(name: string): Promise<void> {
    this.#assertOpen();
    await this.#admin.deleteTopic(name);
  }

  /**
   * As the port says, with an outcome within `appendOutcomeMs`. Besides: `record_too_large`. When an
   * append of a partition fails, those that wait behind it fail as `log_unavailable`, not written.
   */
  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    return this.#accumulator.append(topic, partition, records);
  }

  /**
   * For events that nobody waits for, such as telemetry: never blocks, never throws. @returns false
   * when the event was dropped at once; one that is lost later is counted only
   */
  publish(topic: string, partition: number, record: LogRecord): boolean {
    return this.#publisher.publish(topic, partition, record);
  }

  /**
   * Appends to several partitions, each at most once: readers see all of it or nothing. Some
   * milliseconds each and one at a time, so not for messages. @returns the first offset of each
   */
  async appendAtomic(appends: readonly AtomicAppend[]): Promise<readonly number[]> {
    this.#assertOpen();
    return this.#transactions.append(appends);
  }

  async range(topic: string, partition: number): Promise<PartitionRange> {
    this.#assertOpen();
    return this.#admin.range(topic, partition);
  }

  async read(
    topic: string,
    partition: number,
    offset: number,
    recordsMax: number,
  ): Promise<RecordBatch> {
    this.#assertOpen();
    return readPage(this.client, this.#admin, topic, partition, offset, recordsMax);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    this.#assertOpen();
    const consumer = await joinKafkaGroup(this.client, options);
    this.#consumers.add(consumer);
    return consumer;
  }

  async committed(group: string, topic: string, partition: number): Promise<number | undefined> {
    this.#assertOpen();
    return this.#admin.committed(group, topic, partition);
  }

  /** Deletes all records of a partition before `offset`. @returns the partition's new start */
  async deleteRecords(topic: string, partition: number, offset: number): Promise<number> {
    this.#assertOpen();
    return this.#admin.deleteRecords(topic, partition, offset);
  }

  /** Records that the group has not read, by its committed offset. */
  async lag(group: string, topic: string, partition: number): Promise<number> {
    this.#assertOpen();
    return this.#admin.lag(group, topic, partition);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await Promise.all([this.#accumulator.close(), this.#transactions.settled()]);
    this.#producer.close();
    await this.client.close();
  }

  #assertOpen(): void {
    if (this.client.closed) throw new AppError("closed", "The log is closed");
  }
}

/** See {@link KafkaEventLog}. Connects with the first call. */
export function createKafkaEventLog(options: KafkaLogOptions): KafkaEventLog {
  return new KafkaEventLog(options);
}
