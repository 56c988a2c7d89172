import { setDefaultTimeout } from "bun:test";
import { createKafkajsEventLog } from "../../src/adapters/kafkajs/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { kafkaFaultSuite } from "../support/kafka-faults.ts";
import { kafkaSettings } from "../support/kafka-log.ts";

setDefaultTimeout(60_000);

kafkaFaultSuite("kafkajs", (brokers) =>
  createKafkajsEventLog({ settings: kafkaSettings(brokers), clock: createSystemClock() }),
);
