import { AppError } from "../../errors.ts";
import { Accumulator } from "../../kafka/accumulator.ts";
import { createAppendMetrics } from "../../kafka/append-metrics.ts";
import type { KafkaSettings } from "../../kafka/settings.ts";
import { type Limits, limitsWith } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type {
  ConsumeOptions,
  Consumer,
  EventLog,
  PartitionRange,
  RecordBatch,
  TopicInfo,
} from "../../ports/event-log.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { TopicSpec } from "../../topics.ts";
import type { LogRecord } from "../../wire/record.ts";
import { Admin } from "./admin.ts";
import { Brokers } from "./brokers.ts";
import { assertCapable } from "./capabilities.ts";
import { KafkajsClusterState } from "./cluster-state.ts";
import { GroupConsumer } from "./consumer.ts";
import { Directory } from "./directory.ts";
import { GroupOffsets } from "./group-offsets.ts";
import { PartitionReader } from "./reader.ts";
import { ProduceSender } from "./sender.ts";

export interface KafkajsEventLogOptions {
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  readonly limits?: Limits;
  readonly telemetry?: Telemetry;
}

/** The log on Kafka by way of kafkajs; `src/kafkajs-lacks.ts` says what it cannot have. */
export class KafkajsEventLog implements EventLog {
  readonly durability = "log";
  /** For operators. */
  readonly cluster: KafkajsClusterState;
  readonly #clock: Clock;
  readonly #limits: Limits;
  readonly #settings: KafkaSettings;
  readonly #brokers: Brokers;
  readonly #admin: Admin;
  readonly #reader: PartitionReader;
  readonly #offsets: GroupOffsets;
  readonly #accumulator: Accumulator;
  readonly #consumers = new Set<GroupConsumer>();
  #state: "open" | "closing" | "closed" = "open";
  #closing: Promise<void> | undefined;

  constructor({ settings, clock, limits = limitsWith(), telemetry }: KafkajsEventLogOptions) {
    assertCapable(settings);
    this.#clock = clock;
    this.#limits = limits;
    this.#settings = settings;
    const withinMs = settings.requestTimeoutMs;
    const brokers = (this.#brokers = new Brokers(settings));
    const directory = new Directory(brokers, withinMs);
    this.cluster = new KafkajsClusterState(brokers, withinMs);
    this.#admin = new Admin({ brokers, directory, settings, clock, limits });
    this.#reader = new PartitionReader({ brokers, directory, clock, limits, withinMs });
    this.#offsets = new GroupOffsets({ brokers, clock, withinMs });
    this.#accumulator = new Accumulator({
      clock,
      limits,
      lingerMs: settings.lingerMs,
      sender: new ProduceSender({
        brokers,
        directory,
        compression: settings.compression,
        timeoutMs: limits.appendOutcomeMs,
        clock,
      }),
      ...(telemetry !== undefined && {
        observer: createAppendMetrics(telemetry, () => this.#accumulator.pendingBytes),
      }),
    });
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
    return this.#admin.deleteTopic(name);
  }

  /** Deletes all records of a partition before `offset`. @returns the partition's new start */
  async deleteRecords(topic: string, partition: number, offset: number): Promise<number> {
    this.#assertOpen();
    return this.#admin.deleteRecords(topic, partition, offset);
  }

  append(topic: string, partition: number, records: readonly LogRecord[]): Promise<number> {
    return this.#accumulator.append(topic, partition, records);
  }

  async range(topic: string, partition: number): Promise<PartitionRange> {
    this.#assertOpen();
    return this.#reader.range(topic, partition);
  }

  async read(
    topic: string,
    partition: number,
    offset: number,
    recordsMax: number,
  ): Promise<RecordBatch> {
    this.#assertOpen();
    return this.#reader.read(topic, partition, offset, recordsMax);
  }

  async consume(options: ConsumeOptions): Promise<Consumer> {
    if (this.#state !== "open") throw new AppError("closed", "The log is closed");
    const consumer = new GroupConsumer({
      ...options,
      settings: this.#settings,
      clock: this.#clock,
      limits: this.#limits,
      reader: this.#reader,
      closed: () => this.#consumers.delete(consumer),
    });
    this.#consumers.add(consumer);
    consumer.start();
    return consumer;
  }

  async committed(group: string, topic: string, partition: number): Promise<number | undefined> {
    this.#assertOpen();
    return this.#offsets.committed(group, topic, partition);
  }

  close(): Promise<void> {
    this.#closing ??= this.#close();
    return this.#closing;
  }

  async #close(): Promise<void> {
    this.#state = "closing";
    // First: workers still append and read while they let go.
    await Promise.all([...this.#consumers].map((consumer) => consumer.close()));
    await this.#accumulator.close();
    this.#state = "closed";
    this.#brokers.close();
  }

  #assertOpen(): void {
    if (this.#state === "closed") throw new AppError("closed", "The log is closed");
  }
}

/** See {@link KafkajsEventLog}. Connects with the first call. @throws TypeError for what it lacks */
export function createKafkajsEventLog(options: KafkajsEventLogOptions): KafkajsEventLog {
  return new KafkajsEventLog(options);
}
