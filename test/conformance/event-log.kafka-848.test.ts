import { afterEach, setDefaultTimeout } from "bun:test";
import { kafkaHarness, openKafkaLog } from "../support/kafka-log.ts";
import { useKafka } from "../support/services/kafka.ts";
import { consumeSuite } from "./event-log-consume.ts";
import { groupSuite } from "./event-log-group.ts";
import { EventLogKit } from "./event-log-kit.ts";

setDefaultTimeout(30_000);

const kit = new EventLogKit(
  "kafka, KIP-848",
  async () => {
    const { brokers } = await useKafka();
    return kafkaHarness(brokers, () => openKafkaLog(brokers, { groupProtocol: "consumer" }));
  },
  { singleRevocation: "the coordinator waits until a member has let go of all that it asked for" },
);
afterEach(() => kit.dispose());
consumeSuite(kit);
groupSuite(kit);
