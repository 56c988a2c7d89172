import { setDefaultTimeout } from "bun:test";
import { kafkaFaultSuite } from "../support/kafka-faults.ts";
import { openKafkaLog } from "../support/kafka-log.ts";

setDefaultTimeout(60_000);

kafkaFaultSuite("kafka", (brokers) => openKafkaLog(brokers));
