import { z } from "zod";
import type { KafkaBroker, KafkaCompression, KafkaGroupProtocol } from "./kafka/settings.ts";
import { LIMIT_TABLE } from "./limits.ts";
import {
  flag,
  oneOf,
  path,
  printable,
  secret,
  setting,
  text,
  wholeSetting,
  type SettingTable,
  type ValuesOf,
} from "./setting.ts";

const HOST_PORT =
  /^(?:\[(?<v6>[0-9A-Fa-f:.]+)\]|(?<name>[A-Za-z0-9](?:[A-Za-z0-9._-]{0,251}))):(?<port>[0-9]{1,5})$/;

/** `host:port`, or `[IPv6]:port`; undefined for anything else. */
export function parseAddress(address: string): KafkaBroker | undefined {
  const groups = HOST_PORT.exec(address)?.groups;
  if (groups === undefined) return undefined;
  const port = Number(groups["port"]);
  const host = groups["v6"] ?? groups["name"];
  return host !== undefined && port >= 1 && port <= 65_535 ? { host, port } : undefined;
}

const brokerList = z
  .string()
  .transform((list) => list.split(",").map((address) => address.trim()))
  .transform((addresses, context) =>
    addresses.flatMap((address): KafkaBroker[] => {
      const parsed = parseAddress(address);
      if (parsed !== undefined) return [parsed];
      const why = /^[a-z]+:\/\//i.test(address)
        ? "with a scheme; write host:port"
        : "which is not host:port";
      context.addIssue({ code: "custom", message: `has ${JSON.stringify(address)}, ${why}` });
      return [];
    }),
  );

const anyText = (max: number) => z.string().max(max, { error: `is longer than ${max} characters` });
const secretText = (doc: string) => secret(setting("text", undefined, doc, anyText(16_384)));

/** How `bun run gateway`, `bun run consumers` and the tools reach Kafka. */
export const KAFKA_SETTINGS = {
  KAFKA_BROKERS: setting(
    "host:port with commas between",
    undefined,
    "Brokers to begin with; the others are learned from them. Needed in a cluster",
    brokerList as z.ZodType<readonly KafkaBroker[], string>,
  ),
  KAFKA_CLIENT: oneOf(
    ["platformatic", "kafkajs"],
    "platformatic",
    "The client library that is used; both do the same, kafkajs slower and without the newer group protocol",
  ),
  KAFKA_CLIENT_ID: printable("Name of this program in the brokers' logs and quotas", "tidegate"),
  KAFKA_CONNECTION_TIMEOUT: wholeSetting(
    100,
    120_000,
    "10000",
    "Time for a connection to a broker, in ms",
  ),
  KAFKA_REQUEST_TIMEOUT: wholeSetting(
    100,
    300_000,
    "30000",
    "Time for a broker's answer, in ms. Appends have a shorter one of their own",
  ),
  KAFKA_TLS: flag(
    undefined,
    "Whether connections are encrypted. When absent: yes if a broker's port is 9094, or KAFKA_TLS_CA or KAFKA_TLS_CERT is set, else no",
  ),
  KAFKA_SSL: flag(undefined, "Another name of KAFKA_TLS"),
  KAFKA_TLS_CA: path(
    "Certificates (PEM) of the authorities that the brokers' certificates are checked with; the system's when absent",
  ),
  KAFKA_TLS_CERT: path("Certificate (PEM) that this program shows to brokers (mutual TLS)"),
  KAFKA_TLS_KEY: path("Private key (PEM) of KAFKA_TLS_CERT"),
  KAFKA_TLS_KEY_PASSWORD: secretText("Password of KAFKA_TLS_KEY, when it is encrypted"),
  KAFKA_SASL_MECHANISM: oneOf(
    ["plain", "scram-sha-256", "scram-sha-512", "oauthbearer"],
    undefined,
    "How this program says who it is; not at all when absent",
  ),
  KAFKA_SASL_USERNAME: setting("text", undefined, "User name for plain and SCRAM", anyText(256)),
  KAFKA_SASL_PASSWORD: secretText("Password for plain and SCRAM"),
  KAFKA_SASL_TOKEN: secretText("Token for oauthbearer that does not change while the program runs"),
  KAFKA_SASL_TOKEN_ENDPOINT: setting(
    "http or https URL",
    undefined,
    "Where tokens for oauthbearer are fetched (OAuth 2.0 client credentials)",
    text("is not an http or https URL", /^https?:\/\/[^\s/]+/),
  ),
  KAFKA_SASL_CLIENT_ID: setting(
    "text",
    undefined,
    "Client id at KAFKA_SASL_TOKEN_ENDPOINT",
    anyText(1_024),
  ),
  KAFKA_SASL_CLIENT_SECRET: secretText("Client secret at KAFKA_SASL_TOKEN_ENDPOINT"),
  KAFKA_SASL_SCOPE: printable("Scope that is asked for at KAFKA_SASL_TOKEN_ENDPOINT"),
  KAFKA_COMPRESSION: oneOf(
    ["none", "gzip", "snappy", "lz4", "zstd"] satisfies readonly KafkaCompression[],
    "none",
    "Compression of what gateways append. Costs time on the thread that has the sockets",
  ),
  KAFKA_LINGER: wholeSetting(
    0,
    1_000,
    "1",
    "Least time between two appends to a broker, in ms; up to 6 where it answers late or there is little to send. One that is idle is sent to at once",
  ),
  KAFKA_REPLICATION: wholeSetting(
    1,
    32,
    undefined,
    "Replicas of topics that are made here; the brokers' default when absent. Set 3 where there are three brokers or more",
  ),
  KAFKA_MIN_INSYNC_REPLICAS: wholeSetting(
    1,
    32,
    undefined,
    "Replicas that must have a record of such a topic before it is acked; the brokers' default when absent. Set 2 with KAFKA_REPLICATION=3",
  ),
  KAFKA_SEGMENT_BYTES: wholeSetting(
    0,
    2_147_483_647,
    "134217728",
    "segment.bytes of such a topic, whose segment.index.bytes is a 256th of it; 0 leaves both to the brokers, for those that let nobody set them",
  ),
  KAFKA_GROUP_PROTOCOL: oneOf(
    ["classic", "consumer"] satisfies readonly KafkaGroupProtocol[],
    "classic",
    "Protocol of the consumer groups; consumer is KIP-848 and needs Kafka 4.0 or later",
  ),
  KAFKA_SESSION_TIMEOUT: wholeSetting(
    3_000,
    300_000,
    String(LIMIT_TABLE.sessionTimeoutMs.value),
    `${LIMIT_TABLE.sessionTimeoutMs.doc}, in ms. Brokers refuse less than group.min.session.timeout.ms, 6000 by default`,
  ),
  KAFKA_VALIDATE_ON_STARTUP: flag(
    "false",
    "Ends the program when Kafka cannot be reached at its start. Else it starts, says on /readyz what is missing, and tries again",
  ),
} as const satisfies SettingTable;

export type KafkaValues = ValuesOf<typeof KAFKA_SETTINGS>;
