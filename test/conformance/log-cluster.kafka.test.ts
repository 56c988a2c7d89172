import { setDefaultTimeout } from "bun:test";
import { openKafkaLog } from "../support/kafka-log.ts";
import { temporaryTopics } from "../support/kafka-topics.ts";
import { useKafka } from "../support/services/kafka.ts";
import { logClusterConformance, logEndsConformance } from "./log-cluster.ts";

setDefaultTimeout(30_000);

async function create() {
  const { brokers } = await useKafka();
  const log = openKafkaLog(brokers);
  const away = openKafkaLog(["127.0.0.1:1"]);
  const topics = temporaryTopics(brokers, log);
  return {
    topic: (partitions: number) => topics.topic(partitions),
    log,
    cluster: log.cluster,
    ends: log.cluster,
    away: away.cluster,
    async [Symbol.asyncDispose]() {
      await topics.remove();
      await Promise.all([log.close(), away.close()]);
    },
  };
}

logClusterConformance("kafka", create);
logEndsConformance("kafka", create);
