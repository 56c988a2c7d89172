import { Admin } from "@platformatic/kafka";
import { createKafkaEventLog, type KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { KAFKA_DEFAULTS, type KafkaBroker, type KafkaSettings } from "../../src/kafka/settings.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { TopicSpec } from "../../src/topics.ts";
import type { EventLogHarness } from "../conformance/event-log-kit.ts";
import { heedless } from "./kafka-client.ts";
import { createScope, type Scope, scopedLog } from "./scoped-log.ts";

/** A log on real brokers, and the deletion of records as the broker does it in the end. */
export interface KafkaLogUnderTest extends EventLog {
  deleteRecords(topic: string, partition: number, offset: number): Promise<number>;
}

function brokersOf(addresses: readonly string[]): readonly KafkaBroker[] {
  return addresses.map((address) => {
    const at = address.lastIndexOf(":");
    return { host: address.slice(0, at), port: Number(address.slice(at + 1)) };
  });
}

export function kafkaSettings(
  addresses: readonly string[],
  changes: Partial<KafkaSettings> = {},
): KafkaSettings {
  return {
    ...KAFKA_DEFAULTS,
    brokers: brokersOf(addresses),
    clientId: "tidegate-test",
    ...changes,
  };
}

export function openKafkaLog(
  addresses: readonly string[],
  changes: Partial<KafkaSettings> = {},
): KafkaEventLog {
  return createKafkaEventLog({
    settings: kafkaSettings(addresses, changes),
    clock: createSystemClock(),
  });
}

/**
 * The conformance suite's harness on brokers that are shared with others. The records' age is the
 * suite's own: what would have expired by it is deleted from the front, as the broker's own retention
 * does by its clock, some minutes later.
 */
export async function kafkaHarness(
  addresses: readonly string[],
  openLog: () => KafkaLogUnderTest,
): Promise<EventLogHarness> {
  const scope = createScope();
  const ages = new Ages();
  let log = openLog();
  const scoped = () => ages.watch(scopedLog(log, scope));
  return {
    log: scoped(),
    async reopen() {
      await log.close();
      log = openLog();
      return scoped();
    },
    async ageBy(ms) {
      for (const { topic, partition, offset } of ages.advance(ms))
        await log.deleteRecords(scope.prefix + topic, partition, offset);
    },
    async dispose() {
      await log.close();
      await cleanUp(addresses, scope);
    },
  };
}

/** Deletes the topics and groups of a scope. */
export async function cleanUp(addresses: readonly string[], scope: Scope): Promise<void> {
  const admin = heedless(
    new Admin({ clientId: "tidegate-test", bootstrapBrokers: [...addresses] }),
  );
  try {
    const there = new Set(await admin.listTopics());
    const topics = [...scope.topics].filter((name) => there.has(name));
    if (topics.length > 0) await admin.deleteTopics({ topics });
    const known = await admin.listGroups();
    const groups = [...scope.groups].filter((name) => known.has(name));
    if (groups.length > 0) await admin.deleteGroups({ groups });
  } finally {
    await admin.close();
  }
}

/** Remembers how old which records are by a clock that only `advance` moves. */
class Ages {
  #now = 0;
  readonly #retention = new Map<string, number>();
  readonly #appends: { topic: string; partition: number; end: number; at: number }[] = [];

  watch(log: EventLog): EventLog {
    return {
      ...log,
      createTopic: (spec: TopicSpec) => {
        this.#retention.set(spec.name, spec.retentionMs);
        return log.createTopic(spec);
      },
      append: async (topic, partition, records) => {
        const at = this.#now;
        const base = await log.append(topic, partition, records);
        this.#appends.push({ topic, partition, end: base + records.length, at });
        return base;
      },
    };
  }

  /** @returns what has expired: everything below these offsets */
  advance(ms: number): { topic: string; partition: number; offset: number }[] {
    this.#now += ms;
    return this.#appends
      .filter(({ topic, at }) => this.#now - at > (this.#retention.get(topic) ?? Infinity))
      .map(({ topic, partition, end }) => ({ topic, partition, offset: end }));
  }
}
