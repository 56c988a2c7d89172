import type {
  ConsumeOptions,
  Consumer,
  ConsumerHandler,
  EventLog,
  PartitionRange,
  RecordBatch,
  TopicInfo,
} from "../../src/ports/event-log.ts";
import type { TopicSpec } from "../../src/topics.ts";
import type { LogRecord } from "../../src/wire/record.ts";

/** What {@link scopedLog} was used for, to be cleaned up. */
export interface Scope {
  readonly prefix: string;
  readonly topics: Set<string>;
  readonly groups: Set<string>;
}

export function createScope(): Scope {
  const prefix = `test-${crypto.randomUUID()}-`;
  return { prefix, topics: new Set(), groups: new Set() };
}

/** A log that many tests share, as if each had it alone: names get a prefix on the way in. */
export function scopedLog(log: EventLog, scope: Scope): EventLog {
  const { prefix } = scope;
  const inner = (name: string) => prefix + name;
  const outer = (name: string) => name.slice(prefix.length);
  const info = (topic: TopicInfo): TopicInfo => ({ ...topic, name: outer(topic.name) });
  const batch = (found: RecordBatch): RecordBatch => ({ ...found, topic: outer(found.topic) });
  const topicOf = (name: string) => {
    scope.topics.add(inner(name));
    return inner(name);
  };

  const handlerOf = (handler: ConsumerHandler): ConsumerHandler => ({
    assigned: (topic, partition) => handler.assigned(info(topic), partition),
    records: (found) => handler.records(batch(found)),
    revoked: (topic, partition) => handler.revoked(outer(topic), partition),
    lost: (topic, partition) => handler.lost(outer(topic), partition),
    failed: (topic, partition, error) => handler.failed(outer(topic), partition, error),
  });
  const consumerOf = (consumer: Consumer): Consumer => ({
    setTopics: (topics) => consumer.setTopics(topics.map(inner)),
    pause: (topic, partition) => consumer.pause(inner(topic), partition),
    resume: (topic, partition) => consumer.resume(inner(topic), partition),
    commit: (topic, partition, next) => consumer.commit(inner(topic), partition, next),
    restart: (topic, partition) => consumer.restart(inner(topic), partition),
    lastHeartbeat: () => consumer.lastHeartbeat(),
    owns: (topic, partition) => consumer.owns(inner(topic), partition),
    close: () => consumer.close(),
  });

  return {
    durability: log.durability,
    createTopic: async (spec: TopicSpec) =>
      info(await log.createTopic({ ...spec, name: topicOf(spec.name) })),
    async describeTopic(name) {
      const topic = await log.describeTopic(inner(name));
      return topic === undefined ? undefined : info(topic);
    },
    topics: async () =>
      (await log.topics()).filter(({ name }) => name.startsWith(prefix)).map(info),
    deleteTopic: (name) => log.deleteTopic(inner(name)),
    append: (topic: string, partition: number, records: readonly LogRecord[]) =>
      log.append(inner(topic), partition, records),
    range: (topic: string, partition: number): Promise<PartitionRange> =>
      log.range(inner(topic), partition),
    read: async (topic, partition, offset, recordsMax) =>
      batch(await log.read(inner(topic), partition, offset, recordsMax)),
    async consume(options: ConsumeOptions) {
      scope.groups.add(inner(options.group));
      const handler = handlerOf(options.handler);
      const group = inner(options.group);
      const topics = options.topics.map(inner);
      return consumerOf(await log.consume({ ...options, group, topics, handler }));
    },
    committed: (group, topic, partition) => log.committed(inner(group), inner(topic), partition),
    close: () => log.close(),
  };
}
