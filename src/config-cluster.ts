import { CLUSTER_SETTINGS, type ClusterValues } from "./config-cluster-table.ts";
import { KAFKA_SETTINGS, type KafkaValues } from "./config-kafka-table.ts";
import {
  known,
  readSettings,
  throwFaults,
  unknownSettings,
  withoutServiceLinks,
  withRelations,
  type ConfigFault,
  type Environment,
} from "./config-read.ts";
import { SETTINGS, type SettingValues } from "./config-table.ts";
import { readConfig, redacted, type Config } from "./config.ts";
import type { KafkaBroker, KafkaCompression, KafkaGroupProtocol } from "./kafka/settings.ts";
import { kafkajsLacks } from "./kafkajs-lacks.ts";

/** Paths are of PEM files. */
export interface KafkaTlsConfig {
  readonly ca: string | undefined;
  readonly cert: string | undefined;
  readonly key: string | undefined;
  readonly keyPassword: string | undefined;
}

export type KafkaSaslConfig =
  | {
      readonly mechanism: "plain" | "scram-sha-256" | "scram-sha-512";
      readonly username: string;
      readonly password: string;
    }
  | { readonly mechanism: "oauthbearer"; readonly token: string }
  | {
      readonly mechanism: "oauthbearer";
      readonly endpoint: string;
      readonly clientId: string;
      readonly clientSecret: string;
      readonly scope: string | undefined;
    };

/** Times in ms. */
export interface KafkaConfig {
  readonly client: "platformatic" | "kafkajs";
  readonly brokers: readonly KafkaBroker[];
  readonly clientId: string;
  readonly connectionTimeoutMs: number;
  readonly requestTimeoutMs: number;
  readonly tls: KafkaTlsConfig | undefined;
  readonly sasl: KafkaSaslConfig | undefined;
  readonly compression: KafkaCompression;
  readonly lingerMs: number;
  /** Undefined: the brokers' default. */
  readonly replication: number | undefined;
  readonly minInsyncReplicas: number | undefined;
  readonly segmentBytes: number;
  readonly groupProtocol: KafkaGroupProtocol;
  readonly sessionTimeoutMs: number;
  readonly validateOnStartup: boolean;
}

/** What the processes of a cluster need besides what standalone reads. */
export interface ClusterConfig extends Config {
  /** Of the cluster. */
  readonly cluster: string;
  /** Of this process; undefined: one of its own at each start. */
  readonly worker: string | undefined;
  readonly kafka: KafkaConfig;
  readonly redis: { readonly url: string; readonly ca: string | undefined };
  readonly database: {
    readonly url: string;
    /** Path of a PEM file. */
    readonly ca: string | undefined;
    readonly poolMax: number;
    readonly statementTimeoutMs: number;
  };
  readonly eventStore: "hybrid" | "kafka" | "database";
  readonly healthIncludesKafka: boolean;
  readonly consumersPort: number;
  /** Of a gateway; undefined: none of its own. */
  readonly healthPort: number | undefined;
}

/** Which program reads: a gateway needs keys that all gateways share, the others none. */
export type ClusterProgram = "gateway" | "consumers" | "tool";

const TLS_PORT = 9_094;

/**
 * Reads everything that a program of a cluster needs.
 * @throws ConfigError with every fault at once, those between settings included
 */
export function parseClusterConfig(all: Environment, program: ClusterProgram): ClusterConfig {
  const env = withoutServiceLinks(all);
  const base = readConfig(env);
  const kafka = readSettings(KAFKA_SETTINGS, env);
  const cluster = readSettings(CLUSTER_SETTINGS, env);
  const relations = [
    ...required(env),
    ...kafkaRelations(kafka.values, env),
    ...databaseFaults(cluster.values),
    ...(program === "gateway" ? keyFaults(base.values, env) : []),
  ];
  throwFaults([
    ...base.faults.filter(({ name }) => program === "gateway" || !name.startsWith("TIDEGATE_JWT_")),
    ...withRelations([...kafka.faults, ...cluster.faults], relations),
    ...unknownSettings(env, [SETTINGS, KAFKA_SETTINGS, CLUSTER_SETTINGS]),
  ]);
  return build(base.config(), kafka.values, cluster.values);
}

/**
 * Reads Kafka's part alone, and the cluster's name, which its groups have.
 * @throws ConfigError as {@link parseClusterConfig}
 */
export function parseKafkaConfig(env: Environment): Pick<ClusterConfig, "kafka" | "cluster"> {
  const { values, faults } = readSettings(KAFKA_SETTINGS, env);
  const { TIDEGATE_CLUSTER } = CLUSTER_SETTINGS;
  const cluster = readSettings({ TIDEGATE_CLUSTER }, env);
  const missing = required(env).filter(({ name }) => name === "KAFKA_BROKERS");
  const relations = [...missing, ...kafkaRelations(values, env)];
  throwFaults(withRelations([...faults, ...cluster.faults], relations));
  return { kafka: kafkaOf(values), cluster: known(cluster.values.TIDEGATE_CLUSTER) };
}

function kafkaRelations(values: KafkaValues, env: Environment): ConfigFault[] {
  return [
    ...tlsFaults(values),
    ...saslFaults(values),
    ...replicationFaults(values),
    ...clientFaults(values),
    ...seedFaults(env),
  ];
}

/** Settings of a cluster that are set although the program is standalone. */
export function ignoredSettings(all: Environment): readonly string[] {
  const env = withoutServiceLinks(all);
  return Object.keys({ ...KAFKA_SETTINGS, ...CLUSTER_SETTINGS }).filter((name) => env[name]);
}

function required(env: Environment): ConfigFault[] {
  const example: Readonly<Record<string, string>> = {
    KAFKA_BROKERS: "broker1:9092,broker2:9092",
    REDIS_URL: "redis://localhost:6379",
    DATABASE_URL: "postgres://user:password@localhost:5432/tidegate",
  };
  return Object.entries(example).flatMap(([name, value]) =>
    env[name] ? [] : [{ name, fault: `is missing; set it as in ${name}=${value}` }],
  );
}

function tlsFaults(read: KafkaValues): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const { KAFKA_TLS: tls, KAFKA_SSL: ssl } = read;
  if (tls !== undefined && ssl !== undefined && tls !== ssl)
    faults.push({ name: "KAFKA_SSL", fault: "says the contrary of KAFKA_TLS; set one of them" });
  if ((read.KAFKA_TLS_CERT === undefined) !== (read.KAFKA_TLS_KEY === undefined)) {
    const [missing, given] =
      read.KAFKA_TLS_CERT === undefined
        ? ["KAFKA_TLS_CERT", "KAFKA_TLS_KEY"]
        : ["KAFKA_TLS_KEY", "KAFKA_TLS_CERT"];
    faults.push({ name: missing, fault: `is missing; it must be set with ${given}` });
  }
  if (read.KAFKA_TLS_KEY_PASSWORD !== undefined && read.KAFKA_TLS_KEY === undefined)
    faults.push({ name: "KAFKA_TLS_KEY_PASSWORD", fault: "has no effect without KAFKA_TLS_KEY" });
  if (tls === false || ssl === false) {
    for (const name of ["KAFKA_TLS_CA", "KAFKA_TLS_CERT", "KAFKA_TLS_KEY"] as const)
      if (read[name] !== undefined)
        faults.push({ name, fault: "has no effect while TLS is off; set KAFKA_TLS=true" });
  }
  return faults;
}

const PASSWORD_SETTINGS = ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"] as const;
const CLIENT_SETTINGS = ["KAFKA_SASL_CLIENT_ID", "KAFKA_SASL_CLIENT_SECRET"] as const;
const TOKEN_SETTINGS = [
  "KAFKA_SASL_TOKEN",
  "KAFKA_SASL_TOKEN_ENDPOINT",
  ...CLIENT_SETTINGS,
  "KAFKA_SASL_SCOPE",
] as const;

function saslFaults(read: KafkaValues): ConfigFault[] {
  const mechanism = read.KAFKA_SASL_MECHANISM;
  const isToken = mechanism === "oauthbearer";
  const faults: ConfigFault[] = [];
  const set = (name: keyof KafkaValues) => read[name] !== undefined;
  const missing = (names: readonly (keyof KafkaValues)[], why: string) => {
    for (const name of names)
      if (!set(name)) faults.push({ name, fault: `is missing; it must be set with ${why}` });
  };
  const useless = (names: readonly (keyof KafkaValues)[]) => {
    const why =
      mechanism === undefined
        ? "has no effect without KAFKA_SASL_MECHANISM; set that too"
        : `has no effect with KAFKA_SASL_MECHANISM=${mechanism}`;
    for (const name of names) if (set(name)) faults.push({ name, fault: why });
  };
  if (mechanism === undefined || isToken) useless(PASSWORD_SETTINGS);
  else missing(PASSWORD_SETTINGS, `KAFKA_SASL_MECHANISM=${mechanism}`);
  if (!isToken) {
    useless(TOKEN_SETTINGS);
    return faults;
  }
  if (set("KAFKA_SASL_TOKEN") === set("KAFKA_SASL_TOKEN_ENDPOINT"))
    faults.push({
      name: "KAFKA_SASL_MECHANISM",
      fault: "oauthbearer needs one of KAFKA_SASL_TOKEN and KAFKA_SASL_TOKEN_ENDPOINT",
    });
  if (set("KAFKA_SASL_TOKEN_ENDPOINT")) missing(CLIENT_SETTINGS, "KAFKA_SASL_TOKEN_ENDPOINT");
  return faults;
}

function replicationFaults(read: KafkaValues): ConfigFault[] {
  const { KAFKA_REPLICATION: all, KAFKA_MIN_INSYNC_REPLICAS: least } = read;
  if (all === undefined || least === undefined || least <= all) return [];
  const fault = "is above KAFKA_REPLICATION: no append could ever succeed";
  return [{ name: "KAFKA_MIN_INSYNC_REPLICAS", fault }];
}

function databaseFaults(read: ClusterValues): ConfigFault[] {
  if (read.DATABASE_TLS_CA === undefined) return [];
  if (!/[?&]sslmode=disable\b/.test(read.DATABASE_URL ?? "")) return [];
  const fault = "says the contrary of ?sslmode=disable in DATABASE_URL; leave one of them out";
  return [{ name: "DATABASE_TLS_CA", fault }];
}

/** What the chosen client library cannot do. */
function clientFaults(read: KafkaValues): ConfigFault[] {
  if (read.KAFKA_CLIENT !== "kafkajs") return [];
  const { KAFKA_COMPRESSION: compression, KAFKA_GROUP_PROTOCOL: groupProtocol } = read;
  return kafkajsLacks({ compression, groupProtocol }).map(
    ({ setting, value, reason, instead }) => ({
      name: setting,
      fault: `${value} needs KAFKA_CLIENT=platformatic: ${reason}; set ${instead}`,
    }),
  );
}

/** Names that operators know from elsewhere: told, since what they ask for would not happen. */
function seedFaults(env: Environment): ConfigFault[] {
  return /^(?:false|0)$/i.test(env["KAFKA_ENABLED"] ?? "")
    ? [
        {
          name: "KAFKA_ENABLED",
          fault: "is false, but gateways and consumers need Kafka; `bun run start` runs without it",
        },
      ]
    : [];
}

/** Several gateways take each other's tokens only with the same keys. */
function keyFaults(read: SettingValues, env: Environment): ConfigFault[] {
  if (read.TIDEGATE_JWT_KEYS !== undefined) return [];
  if (read.NODE_ENV === "production") return [];
  if (env["NODE_ENV"] === "development" && env["TIDEGATE_DATA"]) return [];
  return [
    {
      name: "TIDEGATE_JWT_KEYS",
      fault:
        "is missing; all gateways need the same keys. For development set NODE_ENV=development and TIDEGATE_DATA to a folder that all of them share",
    },
  ];
}

function build(config: Config, kafka: KafkaValues, cluster: ClusterValues): ClusterConfig {
  const sessionTimeoutMs = known(kafka.KAFKA_SESSION_TIMEOUT);
  return {
    ...config,
    limits: {
      ...config.limits,
      sessionTimeoutMs,
      outboxBatchRowsMax: known(cluster.OUTBOX_BATCH_SIZE),
    },
    cluster: known(cluster.TIDEGATE_CLUSTER),
    worker: cluster.TIDEGATE_WORKER,
    kafka: kafkaOf(kafka),
    redis: { url: known(cluster.REDIS_URL), ca: cluster.REDIS_TLS_CA },
    database: {
      url: known(cluster.DATABASE_URL),
      ca: cluster.DATABASE_TLS_CA,
      poolMax: known(cluster.DATABASE_POOL_MAX),
      statementTimeoutMs: known(cluster.DATABASE_STATEMENT_TIMEOUT),
    },
    eventStore: known(cluster.EVENT_STORE),
    healthIncludesKafka: known(cluster.HEALTH_INCLUDE_KAFKA),
    consumersPort: known(cluster.TIDEGATE_CONSUMERS_PORT),
    healthPort: cluster.TIDEGATE_HEALTH_PORT,
  };
}

function kafkaOf(kafka: KafkaValues): KafkaConfig {
  return {
    client: known(kafka.KAFKA_CLIENT),
    brokers: known(kafka.KAFKA_BROKERS),
    clientId: known(kafka.KAFKA_CLIENT_ID),
    connectionTimeoutMs: known(kafka.KAFKA_CONNECTION_TIMEOUT),
    requestTimeoutMs: known(kafka.KAFKA_REQUEST_TIMEOUT),
    tls: tlsOf(kafka),
    sasl: saslOf(kafka),
    compression: known(kafka.KAFKA_COMPRESSION),
    lingerMs: known(kafka.KAFKA_LINGER),
    replication: kafka.KAFKA_REPLICATION,
    minInsyncReplicas: kafka.KAFKA_MIN_INSYNC_REPLICAS,
    segmentBytes: known(kafka.KAFKA_SEGMENT_BYTES),
    groupProtocol: known(kafka.KAFKA_GROUP_PROTOCOL),
    sessionTimeoutMs: known(kafka.KAFKA_SESSION_TIMEOUT),
    validateOnStartup: known(kafka.KAFKA_VALIDATE_ON_STARTUP),
  };
}

function tlsOf(read: KafkaValues): KafkaTlsConfig | undefined {
  const asked = read.KAFKA_TLS ?? read.KAFKA_SSL;
  const { KAFKA_TLS_CA: ca, KAFKA_TLS_CERT: cert, KAFKA_TLS_KEY: key } = read;
  const detected =
    ca !== undefined ||
    cert !== undefined ||
    known(read.KAFKA_BROKERS).some((broker) => broker.port === TLS_PORT);
  return (asked ?? detected)
    ? { ca, cert, key, keyPassword: read.KAFKA_TLS_KEY_PASSWORD }
    : undefined;
}

function saslOf(read: KafkaValues): KafkaSaslConfig | undefined {
  const mechanism = read.KAFKA_SASL_MECHANISM;
  if (mechanism === undefined) return undefined;
  if (mechanism !== "oauthbearer") {
    const username = known(read.KAFKA_SASL_USERNAME);
    return { mechanism, username, password: known(read.KAFKA_SASL_PASSWORD) };
  }
  const token = read.KAFKA_SASL_TOKEN;
  if (token !== undefined) return { mechanism, token };
  return {
    mechanism,
    endpoint: known(read.KAFKA_SASL_TOKEN_ENDPOINT),
    clientId: known(read.KAFKA_SASL_CLIENT_ID),
    clientSecret: known(read.KAFKA_SASL_CLIENT_SECRET),
    scope: read.KAFKA_SASL_SCOPE,
  };
}

/** A URL as it may be shown: host and path, without who logs in. */
function redactUrl(url: string): string {
  return url.replace(/^([a-z-]+:\/\/)[^/]*@/i, "$1").replace(/\?.*$/, "");
}

/** The configuration for the start log, without anything that is secret. */
export function redactedCluster(config: ClusterConfig): Readonly<Record<string, unknown>> {
  const { kafka, redis, database } = config;
  return {
    ...redacted(config),
    kafka: {
      ...kafka,
      brokers: kafka.brokers.map(({ host, port }) => `${host}:${port}`).join(","),
      tls: kafka.tls && { ca: kafka.tls.ca, cert: kafka.tls.cert, key: kafka.tls.key },
      sasl: kafka.sasl && { mechanism: kafka.sasl.mechanism },
    },
    redis: { ...redis, url: redactUrl(redis.url) },
    database: { ...database, url: redactUrl(database.url) },
  };
}
