import { setDefaultTimeout } from "bun:test";
import { kafkaHarness, openKafkaLog } from "../support/kafka-log.ts";
import { useKafka } from "../support/services/kafka.ts";
import { deadLettersConformance } from "./dead-letters.ts";

setDefaultTimeout(30_000);

deadLettersConformance("kafka", async () => {
  const { brokers } = await useKafka();
  return kafkaHarness(brokers, () => openKafkaLog(brokers));
});
