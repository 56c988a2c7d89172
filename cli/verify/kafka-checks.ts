import { KafkaClient } from "../../src/adapters/kafka/client.ts";
import type { KafkaConfig } from "../../src/config-cluster.ts";
import { KAFKA_FAULTS, kafkaFault } from "../../src/kafka/error.ts";
import type { KafkaBroker, KafkaSettings } from "../../src/kafka/settings.ts";
import type { Consumer } from "../../src/ports/event-log.ts";
import type { Random } from "../../src/ports/random.ts";
import { describeTopic } from "../cluster/describe-topic.ts";
import { type Check, checksOf, Fault, Warning, within } from "./check.ts";
import { faultOf, kafkaFaultOf } from "./kafka-fault.ts";
import { askMechanism, askVersions, KafkaLink } from "./kafka-link.ts";
import { openSocket, resolveHost } from "./network.ts";
import { checkDeadLetters, checkTopics, type TopicCheckOptions } from "./topic-checks.ts";

export interface KafkaCheckOptions extends TopicCheckOptions {
  readonly config: KafkaConfig;
  readonly random: Random;
}

const PROBE_TOPIC = "internal.verify.probe";
const GROUP = "verify";
const HOUR_MS = 3_600_000;
const CONSUME_MS = 30_000;

/** Apis with the version that Kafka 3.5 takes: Fetch by topic id (KIP-516), and the newest Produce. */
const NEEDED_APIS: readonly (readonly [number, number])[] = [
  [0, 9],
  [1, 13],
];
const CONSUMER_GROUP_HEARTBEAT = 68;

const addressOf = ({ host, port }: KafkaBroker): string => `${host}:${port}`;

/** From the network up to a consumer group, in the order in which one needs the other. */
export function kafkaChecks(options: KafkaCheckOptions): readonly Check[] {
  const { config, settings, log } = options;
  const { brokers, connectionTimeoutMs: timeoutMs } = settings;
  const check = checksOf("kafka");
  const each = (say: (broker: KafkaBroker) => Promise<string>) => overBrokers(brokers, say);

  return [
    check("dns", [], () =>
      each(async (broker) => `${broker.host} → ${await resolveHost(broker.host, "KAFKA_BROKERS")}`),
    ),
    check("tcp", ["dns"], () =>
      each(async ({ host, port }) => {
        (await openSocket(host, port, timeoutMs, "KAFKA_BROKERS")).destroy();
        return `${host}:${port} is open`;
      }),
    ),
    check("tls", ["tcp"], () => each((broker) => checkTls(broker, settings))),
    check("api versions", ["tls"], () => each((broker) => checkVersions(broker, settings))),
    check("sasl", ["api versions"], () => each((broker) => checkSasl(broker, settings))),
    check("log in", ["sasl"], async () => {
      // Alone first: clients only say that the source of tokens failed.
      if (settings.sasl?.mechanism === "OAUTHBEARER") await settings.sasl.token();
      await describeTopic(log, PROBE_TOPIC);
      const { sasl } = config;
      if (sasl === undefined) return "without a password";
      return "username" in sasl ? `as ${sasl.username}` : "with a token";
    }),
    check("brokers", ["log in"], () => checkAdvertised(options)),
    check("topics", ["log in"], () => checkTopics(options)),
    check("dead letters", ["log in"], () => checkDeadLetters(options)),
    check("produce", ["log in"], () => produceProbe(options)),
    check("consume", ["produce"], () => consumeProbe(options)),
    check("consumer group", ["consume"], () => checkGroup(options)),
  ];
}

/** One broker of several that cannot be used is a warning: clients go on with the others. */
async function overBrokers(
  brokers: readonly KafkaBroker[],
  say: (broker: KafkaBroker) => Promise<string>,
): Promise<string> {
  const outcomes = await Promise.allSettled(brokers.map(say));
  const lost = outcomes.flatMap((outcome) =>
    outcome.status === "rejected" ? [asFault(outcome.reason)] : [],
  );
  const [first] = lost;
  if (first !== undefined) {
    const isPartial = lost.length < brokers.length;
    const Kind = isPartial ? Warning : Fault;
    throw new Kind(lost.map(({ message }) => message).join("; "), first.look);
  }
  const found = outcomes.flatMap((one) => (one.status === "fulfilled" ? [one.value] : []));
  return [...new Set(found)].join("; ");
}

const asFault = (error: unknown): Fault => (error instanceof Fault ? error : kafkaFaultOf(error));

/** Whether a port answers Kafka's protocol without TLS. */
async function speaksPlain(broker: KafkaBroker, timeoutMs: number): Promise<boolean> {
  const link = await KafkaLink.open(broker, undefined, timeoutMs);
  try {
    return (await askVersions(link)) !== undefined;
  } finally {
    link.close();
  }
}

/** Whether a port answers it with TLS, whoever's certificate it has. */
async function speaksTls(broker: KafkaBroker, timeoutMs: number): Promise<boolean> {
  try {
    (await KafkaLink.open(broker, { rejectUnauthorized: false }, timeoutMs)).close();
    return true;
  } catch {
    return false;
  }
}

async function checkTls(broker: KafkaBroker, settings: KafkaSettings): Promise<string> {
  const { tls, connectionTimeoutMs: timeoutMs } = settings;
  const where = addressOf(broker);
  if (tls === undefined) {
    if (await speaksPlain(broker, timeoutMs)) return "off, as the broker has it";
    if (await speaksTls(broker, timeoutMs))
      throw faultOf("tls_wanted", `${where} speaks TLS, and KAFKA_TLS is off`);
    throw faultOf("connection_lost", `${where} does not answer as a Kafka broker does`);
  }
  try {
    (await KafkaLink.open(broker, tls, timeoutMs)).close();
    return tls.cert === undefined ? "the certificate is trusted" : "trusted, with our certificate";
  } catch (error) {
    if (await speaksPlain(broker, timeoutMs))
      throw faultOf("tls_not_spoken", `${where} does not speak TLS, and KAFKA_TLS is on`);
    const { hint, message, name } = kafkaFault(error);
    throw new Fault(`${where}: ${message}`, name === "other" ? KAFKA_FAULTS.tls_other.hint : hint);
  }
}

async function checkVersions(broker: KafkaBroker, settings: KafkaSettings): Promise<string> {
  const link = await KafkaLink.open(broker, settings.tls, settings.connectionTimeoutMs);
  try {
    const versions = await askVersions(link);
    if (versions === undefined)
      throw faultOf(
        settings.tls?.cert === undefined ? "connection_lost" : "tls_client_certificate",
        `${addressOf(broker)} ended the connection instead of an answer`,
      );
    if (NEEDED_APIS.some(([api, version]) => (versions.get(api) ?? -1) < version))
      throw faultOf("version", `${addressOf(broker)} is older than Kafka 3.5`);
    const isNew = versions.has(CONSUMER_GROUP_HEARTBEAT);
    if (settings.groupProtocol === "consumer" && !isNew)
      throw new Fault(
        `${addressOf(broker)} does not know the newer group protocol (KIP-848)`,
        "KAFKA_GROUP_PROTOCOL: set classic, or use Kafka 4.0 or later",
      );
    return `${versions.size} apis, Kafka ${isNew ? "4.0" : "3.5"} or later`;
  } finally {
    link.close();
  }
}

async function checkSasl(broker: KafkaBroker, settings: KafkaSettings): Promise<string> {
  const link = await KafkaLink.open(broker, settings.tls, settings.connectionTimeoutMs);
  const wanted = settings.sasl?.mechanism;
  const where = addressOf(broker);
  try {
    const handshake = await askMechanism(link, wanted ?? "NONE");
    const offered = "mechanisms" in handshake ? handshake.mechanisms.join(", ") : "";
    if (wanted === undefined) {
      if (!("mechanisms" in handshake)) return "not asked for";
      throw new Fault(
        `${where} wants SASL and offers ${offered}`,
        "KAFKA_SASL_MECHANISM, with KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD; or the port in KAFKA_BROKERS",
      );
    }
    if (handshake.outcome === "accepted") return `${wanted} is offered`;
    if (handshake.outcome === "unsupported")
      throw faultOf("sasl_mechanism", `${where} does not offer ${wanted}, but ${offered}`);
    throw new Fault(
      `${where} does not know SASL on this port`,
      "KAFKA_SASL_MECHANISM: leave it out, or look at the port in KAFKA_BROKERS",
    );
  } finally {
    link.close();
  }
}

/** Clients go on with the names that brokers tell them, so those have to work here too. */
async function checkAdvertised({ settings, clock }: KafkaCheckOptions): Promise<string> {
  const client = new KafkaClient({ settings, clock });
  try {
    await client.metadata.refresh([]);
    const all = [...client.metadata.brokers.values()];
    const hint =
      "advertised.listeners of that broker: the name must be known and open from this machine";
    for (const { host, port } of all) {
      try {
        await resolveHost(host, "advertised.listeners");
        const socket = await openSocket(host, port, settings.connectionTimeoutMs, "KAFKA_BROKERS");
        socket.destroy();
      } catch (error) {
        throw new Fault(`the cluster names ${host}:${port}: ${asFault(error).message}`, hint);
      }
    }
    if (all.length >= 3 && settings.replication > 0 && settings.replication < 3)
      throw new Warning(
        `${all.length} brokers, but topics are made with ${settings.replication} replicas`,
        "KAFKA_REPLICATION: set 3, and KAFKA_MIN_INSYNC_REPLICAS=2",
      );
    return `${all.length}: ${all.map(addressOf).join(", ")}`;
  } finally {
    await client.close();
  }
}

async function produceProbe({ log, random }: KafkaCheckOptions): Promise<string> {
  await log.createTopic({ name: PROBE_TOPIC, partitions: 1, retentionMs: HOUR_MS });
  const offset = await log.append(PROBE_TOPIC, 0, [probeRecord(random)]);
  return `${PROBE_TOPIC}/0 at offset ${offset}`;
}

const probeRecord = (random: Random) => ({
  key: "verify",
  headers: {},
  value: JSON.stringify({ probe: random.uuidv7() }),
});

async function consumeProbe({ log, random }: KafkaCheckOptions): Promise<string> {
  const record = probeRecord(random);
  const offset = await log.append(PROBE_TOPIC, 0, [record]);
  const batch = await log.read(PROBE_TOPIC, 0, offset, 1);
  if (batch.records[0]?.value !== record.value)
    throw new Fault(
      `what was read at offset ${offset} is not what was written`,
      "the brokers' logs, and whether something rewrites records between here and there",
    );
  return "the record came back as it was";
}

/** Joins a group as pools do, and gets a record through it. */
async function checkGroup({ log, random }: KafkaCheckOptions): Promise<string> {
  // Members of a group try again for as long as they live; this says at once what refuses them.
  await log.committed(GROUP, PROBE_TOPIC, 0);
  const record = probeRecord(random);
  const heard = Promise.withResolvers<void>();
  let consumer: Consumer | undefined;
  try {
    consumer = await log.consume({
      group: GROUP,
      member: `verify-${random.uuidv7()}`,
      topics: [PROBE_TOPIC],
      handler: {
        async assigned(topic, partition) {
          return (await log.range(topic.name, partition)).end;
        },
        records(batch) {
          if (batch.records.some(({ value }) => value === record.value)) heard.resolve();
        },
        revoked: () => Promise.resolve(),
        lost: () => undefined,
        failed: (_topic, _partition, error) => heard.reject(error),
      },
    });
    // The partition may be assigned behind the first record, so it is sent until one is heard.
    const again = setInterval(() => {
      log.append(PROBE_TOPIC, 0, [record]).catch((error: unknown) => heard.reject(error));
    }, 500);
    try {
      await within(CONSUME_MS, heard.promise);
    } finally {
      clearInterval(again);
    }
    return "joined, and was given a record";
  } finally {
    await consumer?.close();
  }
}
