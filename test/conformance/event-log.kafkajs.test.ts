import { setDefaultTimeout } from "bun:test";
import { createKafkajsEventLog } from "../../src/adapters/kafkajs/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { kafkaHarness, kafkaSettings } from "../support/kafka-log.ts";
import { useKafka } from "../support/services/kafka.ts";
import { eventLogSuite } from "./event-log.ts";

setDefaultTimeout(30_000);

eventLogSuite(
  "kafkajs",
  async () => {
    const { brokers } = await useKafka();
    const settings = kafkaSettings(brokers);
    return kafkaHarness(brokers, () =>
      createKafkajsEventLog({ settings, clock: createSystemClock() }),
    );
  },
  {
    sizeRetention: "brokers apply retention.bytes every few minutes and by whole segments",
    failingAppend: "takes a broker of its own: test/support/kafka-faults.ts",
  },
);
