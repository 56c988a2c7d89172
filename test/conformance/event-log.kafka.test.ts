import { setDefaultTimeout } from "bun:test";
import { kafkaHarness, openKafkaLog } from "../support/kafka-log.ts";
import { useKafka } from "../support/services/kafka.ts";
import { eventLogSuite } from "./event-log.ts";

setDefaultTimeout(30_000);

eventLogSuite(
  "kafka",
  async () => {
    const { brokers } = await useKafka();
    return kafkaHarness(brokers, () => openKafkaLog(brokers));
  },
  {
    sizeRetention: "brokers apply retention.bytes every few minutes and by whole segments",
    failingAppend: "takes a broker of its own: test/support/kafka-faults.ts",
  },
);
