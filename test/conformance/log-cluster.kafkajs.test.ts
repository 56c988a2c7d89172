import { setDefaultTimeout } from "bun:test";
import { createKafkajsEventLog } from "../../src/adapters/kafkajs/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { kafkaSettings } from "../support/kafka-log.ts";
import { temporaryTopics } from "../support/kafka-topics.ts";
import { useKafka } from "../support/services/kafka.ts";
import { logClusterConformance } from "./log-cluster.ts";

setDefaultTimeout(30_000);

function open(brokers: readonly string[]) {
  return createKafkajsEventLog({ settings: kafkaSettings(brokers), clock: createSystemClock() });
}

logClusterConformance(
  "kafkajs",
  async () => {
    const { brokers } = await useKafka();
    const log = open(brokers);
    const away = open(["127.0.0.1:1"]);
    const topics = temporaryTopics(brokers, log);
    return {
      topic: (partitions: number) => topics.topic(partitions),
      cluster: log.cluster,
      away: away.cluster,
      async [Symbol.asyncDispose]() {
        await topics.remove();
        await Promise.all([log.close(), away.close()]);
      },
    };
  },
  { disks: "the library's DescribeLogDirs tells of no room" },
);
