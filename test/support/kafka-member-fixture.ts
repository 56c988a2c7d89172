/**
 * A member of a Kafka consumer group in a process of its own, to be killed or stopped. Prints what its
 * handler is told: `assigned 3`, `records 3 17` (the next offset), `revoked 3`, `lost 3`, `failed …`.
 */
import { KAFKA_GROUP_PROTOCOLS } from "../../src/kafka/settings.ts";
import { openKafkaLog } from "./kafka-log.ts";

const [brokers = "", group = "", member = "", topic = "", protocol = ""] = process.argv.slice(2);
const groupProtocol = KAFKA_GROUP_PROTOCOLS.find((known) => known === protocol) ?? "classic";
const say = (text: string) => process.stdout.write(`${text}\n`);

const log = openKafkaLog(brokers.split(","), { groupProtocol, sessionTimeoutMs: 6_000 });
const consumer = await log.consume({
  group,
  member,
  topics: [topic],
  handler: {
    assigned: (_, partition) => {
      say(`assigned ${partition}`);
      return Promise.resolve(0);
    },
    records: (batch) => say(`records ${batch.partition} ${batch.nextOffset}`),
    revoked: (_, partition) => {
      say(`revoked ${partition}`);
      return Promise.resolve();
    },
    lost: (_, partition) => say(`lost ${partition}`),
    failed: (_, partition, error) => say(`failed ${partition} ${error.message}`),
  },
});
process.once("SIGTERM", () => {
  void (async () => {
    await consumer.close();
    await log.close();
    say("closed");
  })();
});
