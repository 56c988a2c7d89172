import type { EventLog } from "../../src/ports/event-log.ts";

/** The same log with a word before the name of every consumer group. */
export function withGroupPrefix(log: EventLog, prefix: string): EventLog {
  return {
    durability: log.durability,
    createTopic: (spec) => log.createTopic(spec),
    describeTopic: (name) => log.describeTopic(name),
    topics: () => log.topics(),
    deleteTopic: (name) => log.deleteTopic(name),
    append: (topic, partition, records) => log.append(topic, partition, records),
    range: (topic, partition) => log.range(topic, partition),
    read: (topic, partition, offset, max) => log.read(topic, partition, offset, max),
    consume: (options) => log.consume({ ...options, group: `${prefix}.${options.group}` }),
    committed: (group, topic, partition) => log.committed(`${prefix}.${group}`, topic, partition),
    close: () => log.close(),
  };
}
