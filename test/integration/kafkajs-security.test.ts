import { setDefaultTimeout } from "bun:test";
import { createKafkajsEventLog } from "../../src/adapters/kafkajs/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { kafkaSettings } from "../support/kafka-log.ts";
import { kafkaSecuritySuite } from "../support/kafka-security.ts";

setDefaultTimeout(60_000);

kafkaSecuritySuite("kafkajs", (brokers, changes) =>
  createKafkajsEventLog({
    settings: kafkaSettings(brokers, changes),
    clock: createSystemClock(),
  }),
);
