import type { KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { createKafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import type { KafkaSettings } from "../../src/kafka/settings.ts";
import { type Limits, limitsWith } from "../../src/limits.ts";
import type { Consumer } from "../../src/ports/event-log.ts";
import { CollectingHandler } from "./collecting-handler.ts";
import { cleanUp, kafkaSettings } from "./kafka-log.ts";
import { type Program, startProgram } from "./program.ts";
import { createScope } from "./scoped-log.ts";

/** A topic and a group of one test, with logs and members that end with it. */
export class KafkaGroup implements AsyncDisposable {
  readonly topic: string;
  readonly name: string;
  readonly brokers: readonly string[];
  readonly #scope = createScope();
  readonly #settings: Partial<KafkaSettings>;
  readonly #logs: KafkaEventLog[] = [];
  readonly #programs: Program[] = [];

  constructor(brokers: readonly string[], settings: Partial<KafkaSettings> = {}) {
    this.brokers = brokers;
    this.#settings = { sessionTimeoutMs: 6_000, ...settings };
    this.topic = this.topicNamed("t");
    this.name = `${this.#scope.prefix}g`;
    this.#scope.groups.add(this.name);
  }

  topicNamed(name: string): string {
    const full = this.#scope.prefix + name;
    this.#scope.topics.add(full);
    return full;
  }

  log(limits: Partial<Limits> = {}): KafkaEventLog {
    const log = createKafkaEventLog({
      settings: kafkaSettings(this.brokers, this.#settings),
      clock: createSystemClock(),
      limits: limitsWith(limits),
    });
    this.#logs.push(log);
    return log;
  }

  async create(partitions: number): Promise<KafkaEventLog> {
    const log = this.log();
    await log.createTopic({ name: this.topic, partitions, retentionMs: 3_600_000 });
    return log;
  }

  async join(
    member: string,
    log: KafkaEventLog = this.log(),
  ): Promise<{ handler: CollectingHandler; consumer: Consumer }> {
    const handler = new CollectingHandler();
    const consumer = await log.consume({
      group: this.name,
      member,
      topics: [this.topic],
      handler,
    });
    return { handler, consumer };
  }

  /** A member in a process of its own. */
  start(member: string): Program {
    const { groupProtocol = "classic" } = this.#settings;
    const program = startProgram("kafka-member-fixture.ts", [
      this.brokers.join(","),
      this.name,
      member,
      this.topic,
      groupProtocol,
    ]);
    this.#programs.push(program);
    return program;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    // Whoever is killed stays in the group until its session ends, and the group cannot be deleted.
    for (const program of this.#programs) program.kill("SIGTERM");
    for (const program of this.#programs) await program.ended;
    await Promise.all(this.#logs.map((log) => log.close()));
    await cleanUp(this.brokers, this.#scope);
  }
}
