import { setDefaultTimeout } from "bun:test";
import { openKafkaLog } from "../support/kafka-log.ts";
import { kafkaSecuritySuite } from "../support/kafka-security.ts";

setDefaultTimeout(60_000);

kafkaSecuritySuite("kafka", openKafkaLog);
