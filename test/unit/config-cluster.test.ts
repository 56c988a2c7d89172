import { describe, expect, test } from "bun:test";
import { CLUSTER_SETTINGS } from "../../src/config-cluster-table.ts";
import {
  ignoredSettings,
  parseClusterConfig,
  redactedCluster,
  type ClusterProgram,
} from "../../src/config-cluster.ts";
import { KAFKA_SETTINGS } from "../../src/config-kafka-table.ts";
import { ConfigError } from "../../src/config-read.ts";
import { parseConfig } from "../../src/config.ts";

const services = {
  KAFKA_BROKERS: "b1.example:9092,[::1]:9093",
  REDIS_URL: "redis://:redis-secret@cache.example:6379/1",
  DATABASE_URL: "postgres://tg:pg-secret@db.example/tidegate?sslmode=require",
};

function parse(env: Record<string, string>, program: ClusterProgram = "consumers") {
  return parseClusterConfig({ ...services, ...env }, program);
}

function faultsOf(
  env: Record<string, string>,
  program: ClusterProgram = "consumers",
): Record<string, string> {
  try {
    parseClusterConfig(env, program);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.faults.map(({ name, fault }) => [name, fault]));
  }
  return {};
}

const faultsWith = (env: Record<string, string>) => faultsOf({ ...services, ...env });

describe("parseClusterConfig", () => {
  test("brokers, Redis and Postgres are needed, each with an example", () => {
    const faults = faultsOf({});
    expect(Object.keys(faults)).toEqual(["KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL"]);
    expect(faults["KAFKA_BROKERS"]).toBe(
      "is missing; set it as in KAFKA_BROKERS=broker1:9092,broker2:9092",
    );
  });

  test("what kafkajs cannot do is told with what else is wrong, with what to set instead", () => {
    const wanted = { KAFKA_CLIENT: "kafkajs", KAFKA_GROUP_PROTOCOL: "consumer", PORT: "none" };
    for (const KAFKA_COMPRESSION of ["lz4", "snappy"]) {
      const faults = faultsWith({ ...wanted, KAFKA_COMPRESSION });
      expect(Object.keys(faults).sort()).toEqual([
        "KAFKA_COMPRESSION",
        "KAFKA_GROUP_PROTOCOL",
        "PORT",
      ]);
      expect(faults["KAFKA_COMPRESSION"]).toStartWith(
        `${KAFKA_COMPRESSION} needs KAFKA_CLIENT=platformatic: `,
      );
      expect(faults["KAFKA_COMPRESSION"]).toEndWith("; set zstd or gzip");
      expect(faults["KAFKA_GROUP_PROTOCOL"]).toEndWith("; set classic");
    }
    expect(parse({ KAFKA_CLIENT: "kafkajs", KAFKA_COMPRESSION: "zstd" }).kafka.client).toBe(
      "kafkajs",
    );
    expect(parse({ KAFKA_COMPRESSION: "lz4" }).kafka.compression).toBe("lz4");
  });

  test("with those three the rest has defaults", () => {
    const config = parse({});
    expect(config.kafka).toEqual({
      client: "platformatic",
      brokers: [
        { host: "b1.example", port: 9092 },
        { host: "::1", port: 9093 },
      ],
      clientId: "tidegate",
      connectionTimeoutMs: 10_000,
      requestTimeoutMs: 30_000,
      tls: undefined,
      sasl: undefined,
      compression: "none",
      lingerMs: 1,
      replication: undefined,
      minInsyncReplicas: undefined,
      segmentBytes: 134_217_728,
      groupProtocol: "classic",
      sessionTimeoutMs: 8_000,
      validateOnStartup: false,
    });
    expect(config.eventStore).toBe("hybrid");
    expect(config.limits.outboxBatchRowsMax).toBe(100);
    expect(config.healthIncludesKafka).toBe(false);
    expect(config.cluster).toBe("tidegate");
  });

  test("a broker address is host and port, and nothing else", () => {
    const faults = (KAFKA_BROKERS: string) => faultsWith({ KAFKA_BROKERS })["KAFKA_BROKERS"];
    expect(faults("b1")).toContain('has "b1", which is not host:port');
    expect(faults("kafka://b1:9092")).toContain("with a scheme; write host:port");
    for (const wrong of ["b1:0", "b1:70000", "b1:9092,,b2:9092", "b 1:9092", "-b:9092"])
      expect(faults(wrong)).toContain("not host:port");
  });

  test("every fault of several parts is told at once", () => {
    expect(
      Object.keys(
        faultsWith({
          PORT: "http",
          KAFKA_CLIENT: "rdkafka",
          KAFKA_REQUEST_TIMEOUT: "soon",
          REDIS_URL: "http://cache",
          EVENT_STORE: "mongo",
          HEALTH_INCLUDE_KAFKA: "maybe",
        }),
      ).sort(),
    ).toEqual([
      "EVENT_STORE",
      "HEALTH_INCLUDE_KAFKA",
      "KAFKA_CLIENT",
      "KAFKA_REQUEST_TIMEOUT",
      "PORT",
      "REDIS_URL",
    ]);
  });

  test("a name that is nearly a Kafka setting is told, Kafka's own variables are not", () => {
    expect(faultsWith({ KAFKA_BROKER: "b:9092", KAFKA_HEAP_OPTS: "-Xmx1g" })).toEqual({
      KAFKA_BROKER: "is not a setting; did you mean KAFKA_BROKERS?",
    });
  });

  test("TLS under its older name is told, but for the one that brokers read", () => {
    const fault = (name: string) => `is not a setting; did you mean ${name}?`;
    const all = { KAFKA_SSL_CA: "/ca", KAFKA_SSL_KEY: "/key", KAFKA_SSL_KEY_PASSWORD: "word" };
    expect(faultsWith(all)).toEqual({
      KAFKA_SSL_CA: fault("KAFKA_TLS_CA"),
      KAFKA_SSL_KEY: fault("KAFKA_TLS_KEY"),
    });
  });

  test("what Kubernetes adds for a Service is no setting, even by a setting's name", () => {
    const linksOf = (service: string) => ({
      [`${service}_SERVICE_HOST`]: "10.96.0.7",
      [`${service}_SERVICE_PORT`]: "8081",
      [`${service}_SERVICE_PORT_HTTP`]: "8081",
      [`${service}_PORT`]: "tcp://10.96.0.7:8081",
      [`${service}_PORT_8081_TCP`]: "tcp://10.96.0.7:8081",
      [`${service}_PORT_8081_TCP_PROTO`]: "tcp",
      [`${service}_PORT_8081_TCP_PORT`]: "8081",
      [`${service}_PORT_8081_TCP_ADDR`]: "10.96.0.7",
    });
    const links = {
      ...linksOf("TIDEGATE"),
      ...linksOf("TIDEGATE_GATEWAY"),
      ...linksOf("TIDEGATE_CONSUMERS"),
      ...linksOf("KAFKA"),
    };
    expect(faultsWith(links)).toEqual({});
    expect(parse(links)).toEqual(parse({}));
    expect(parse({ ...links, TIDEGATE_CONSUMERS_PORT: "9000" }).consumersPort).toBe(9_000);
    // Without a Service of that name it is a mistake as any other.
    expect(Object.keys(faultsWith({ TIDEGATE_CONSUMERS_PORT: "tcp://10.96.0.7:8081" }))).toEqual([
      "TIDEGATE_CONSUMERS_PORT",
    ]);
    expect(Object.keys(faultsWith({ ...links, TIDEGATE_PORT: "80" }))).toEqual(["TIDEGATE_PORT"]);
  });

  test("a session's time is the one that workers and consumers go by", () => {
    const config = parse({ KAFKA_SESSION_TIMEOUT: "6000" });
    expect([config.kafka.sessionTimeoutMs, config.limits.sessionTimeoutMs]).toEqual([6_000, 6_000]);
  });
});

describe("TLS", () => {
  test("is on for port 9094, with a CA, or when it is asked for under either name", () => {
    expect(parse({ KAFKA_BROKERS: "b:9094" }).kafka.tls).toBeDefined();
    expect(parse({ KAFKA_TLS_CA: "ca.pem" }).kafka.tls).toMatchObject({ ca: "ca.pem" });
    expect(parse({ KAFKA_TLS: "true" }).kafka.tls).toBeDefined();
    expect(parse({ KAFKA_SSL: "TRUE" }).kafka.tls).toBeDefined();
    expect(parse({ KAFKA_BROKERS: "b:9094", KAFKA_SSL: "false" }).kafka.tls).toBeUndefined();
  });

  test("the two names may not contradict each other", () => {
    expect(faultsWith({ KAFKA_TLS: "true", KAFKA_SSL: "false" })).toEqual({
      KAFKA_SSL: "says the contrary of KAFKA_TLS; set one of them",
    });
  });

  test("certificate and key come together, and not with TLS off", () => {
    expect(Object.keys(faultsWith({ KAFKA_TLS_CERT: "c.pem" }))).toEqual(["KAFKA_TLS_KEY"]);
    expect(Object.keys(faultsWith({ KAFKA_TLS_KEY: "k.pem" }))).toEqual(["KAFKA_TLS_CERT"]);
    expect(Object.keys(faultsWith({ KAFKA_TLS: "false", KAFKA_TLS_CA: "c.pem" }))).toEqual([
      "KAFKA_TLS_CA",
    ]);
    expect(Object.keys(faultsWith({ KAFKA_TLS_KEY_PASSWORD: "x" }))).toEqual([
      "KAFKA_TLS_KEY_PASSWORD",
    ]);
  });
});

describe("SASL", () => {
  test("a mechanism with a password is read in any case", () => {
    const sasl = parse({
      KAFKA_SASL_MECHANISM: "SCRAM-SHA-512",
      KAFKA_SASL_USERNAME: "gw",
      KAFKA_SASL_PASSWORD: "s",
    }).kafka.sasl;
    expect(sasl).toEqual({ mechanism: "scram-sha-512", username: "gw", password: "s" });
  });

  test("a user without password, or credentials without mechanism, are faults", () => {
    expect(faultsWith({ KAFKA_SASL_MECHANISM: "plain", KAFKA_SASL_USERNAME: "gw" })).toEqual({
      KAFKA_SASL_PASSWORD: "is missing; it must be set with KAFKA_SASL_MECHANISM=plain",
    });
    expect(Object.keys(faultsWith({ KAFKA_SASL_USERNAME: "a", KAFKA_SASL_PASSWORD: "b" }))).toEqual(
      ["KAFKA_SASL_USERNAME", "KAFKA_SASL_PASSWORD"],
    );
  });

  test("oauthbearer has a token, or an endpoint with its client", () => {
    const bearer = { KAFKA_SASL_MECHANISM: "oauthbearer" };
    expect(Object.keys(faultsWith(bearer))).toEqual(["KAFKA_SASL_MECHANISM"]);
    expect(parse({ ...bearer, KAFKA_SASL_TOKEN: "t" }).kafka.sasl).toEqual({
      mechanism: "oauthbearer",
      token: "t",
    });
    const endpoint = { ...bearer, KAFKA_SASL_TOKEN_ENDPOINT: "https://login.example/token" };
    expect(Object.keys(faultsWith(endpoint))).toEqual([
      "KAFKA_SASL_CLIENT_ID",
      "KAFKA_SASL_CLIENT_SECRET",
    ]);
  });
});

describe("rules between settings of a cluster", () => {
  test("more replicas in sync than there are is refused", () => {
    expect(
      Object.keys(faultsWith({ KAFKA_REPLICATION: "1", KAFKA_MIN_INSYNC_REPLICAS: "2" })),
    ).toEqual(["KAFKA_MIN_INSYNC_REPLICAS"]);
  });

  test("authorities of Postgres's certificate contradict a URL without TLS", () => {
    const env = { DATABASE_TLS_CA: "/etc/pg.pem" };
    expect(parse(env).database.ca).toBe("/etc/pg.pem");
    const DATABASE_URL = "postgres://db.example/tidegate?sslmode=disable";
    const faults = faultsWith({ ...env, DATABASE_URL });
    expect(Object.keys(faults)).toEqual(["DATABASE_TLS_CA"]);
    expect(faults["DATABASE_TLS_CA"]).toContain("sslmode=disable");
  });

  test("KAFKA_ENABLED=false says which program runs without Kafka", () => {
    expect(faultsWith({ KAFKA_ENABLED: "false" })["KAFKA_ENABLED"]).toContain("`bun run start`");
    expect(faultsWith({ KAFKA_ENABLED: "true" })).toEqual({});
  });

  test("gateways need keys that they share; consumers need none", () => {
    expect(Object.keys(faultsOf(services, "gateway"))).toEqual(["TIDEGATE_JWT_KEYS"]);
    expect(faultsOf(services, "consumers")).toEqual({});
    expect(faultsOf({ ...services, NODE_ENV: "production" }, "consumers")).toEqual({});
    expect(Object.keys(faultsOf({ ...services, NODE_ENV: "production" }, "gateway"))).toEqual([
      "TIDEGATE_JWT_KEYS",
    ]);
    const shared = { ...services, NODE_ENV: "development", TIDEGATE_DATA: "/srv/keys" };
    expect(faultsOf(shared, "gateway")).toEqual({});
  });

  test("standalone takes no part in them, and can say which are set", () => {
    const env = { KAFKA_BROKERS: "not a broker", REDIS_URL: "x", EVENT_STORE: "" };
    expect(parseConfig(env)).toEqual(parseConfig({}));
    expect(ignoredSettings(env)).toEqual(["KAFKA_BROKERS", "REDIS_URL"]);
  });
});

test("nothing secret is shown, neither in faults nor in the start log", () => {
  const secrets = {
    KAFKA_SASL_MECHANISM: "plain",
    KAFKA_SASL_USERNAME: "gw",
    KAFKA_SASL_PASSWORD: "kafka-secret",
    KAFKA_TLS_CERT: "c.pem",
    KAFKA_TLS_KEY: "k.pem",
    KAFKA_TLS_KEY_PASSWORD: "key-secret",
  };
  const shown = JSON.stringify(redactedCluster(parse(secrets)));
  expect(shown).not.toContain("secret");
  expect(shown).toContain("db.example/tidegate");
  const faults = faultsOf({
    ...services,
    DATABASE_URL: "mysql://u:pg-secret@db",
    REDIS_URL: "hредис://:redis-secret@x",
  });
  expect(Object.keys(faults).sort()).toEqual(["DATABASE_URL", "REDIS_URL"]);
  expect(JSON.stringify(faults)).not.toContain("secret");
});

test("every documented default of a cluster's settings is one that the setting accepts", () => {
  const settings = Object.entries({ ...KAFKA_SETTINGS, ...CLUSTER_SETTINGS });
  const env = Object.fromEntries(
    settings.flatMap(([name, one]) => (one.default === undefined ? [] : [[name, one.default]])),
  );
  expect(parse(env)).toEqual(parse({}));
});
