import { afterAll, beforeAll, expect, setDefaultTimeout, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import type { AppError } from "../../src/errors.ts";
import { type KafkaErrorKind, kafkaFault } from "../../src/kafka/error.ts";
import type { KafkaSettings, KafkaTls } from "../../src/kafka/settings.ts";
import { records, spec } from "../conformance/event-log-kit.ts";
import { openKafkaLog } from "../support/kafka-log.ts";
import { rejection } from "../support/rejection.ts";
import { type Kafka, type KafkaSecurity, startKafka, useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(60_000);

let kafka: Kafka;
let expired: Kafka;
let security: KafkaSecurity;
let tls: KafkaTls;
let plain: readonly string[];
const logs: KafkaEventLog[] = [];

beforeAll(async () => {
  [kafka, expired] = await Promise.all([
    startKafka({ shape: "secure" }),
    startKafka({ shape: "secure", certificateDays: 0 }),
  ]);
  security = kafka.security as KafkaSecurity;
  tls = { ca: readFileSync(security.caFile, "utf8"), rejectUnauthorized: true };
  plain = (await useKafka()).brokers;
});

afterAll(async () => {
  await Promise.all(logs.map((log) => log.close()));
  await Promise.all([kafka.stop(), expired.stop()]);
});

type Changes = Partial<KafkaSettings>;
type Mechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";

function open(brokers: readonly string[], changes: Changes): KafkaEventLog {
  const log = openKafkaLog(brokers, {
    connectionTimeoutMs: 5_000,
    requestTimeoutMs: 5_000,
    ...changes,
  });
  logs.push(log);
  return log;
}

const sasl = (user: "admin" | "gateway", mechanism: Mechanism, password?: string) => ({
  mechanism,
  username: user,
  password: password ?? security.users[user],
});

/** A JWS without signature (RFC 7515, appendix A.5), which the test brokers take. */
function unsignedToken(subject: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1_000);
  return `${part({ alg: "none" })}.${part({ sub: subject, iat: now, exp: now + 600 })}.`;
}

for (const mechanism of ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512"] as const)
  test(`appends and reads over TLS with ${mechanism}`, async () => {
    const log = open(kafka.brokers, { tls, sasl: sasl("admin", mechanism) });
    await log.createTopic(spec(`good-${mechanism}`));
    expect(await log.append(`good-${mechanism}`, 0, records(0, 3))).toBe(0);
    const { records: read } = await log.read(`good-${mechanism}`, 0, 0, 10);
    expect(read).toEqual(records(0, 3));
  });

test("appends over TLS with a token", async () => {
  const token = () => Promise.resolve(unsignedToken("admin"));
  const log = open(kafka.brokers, { tls, sasl: { mechanism: "OAUTHBEARER", token } });
  await log.createTopic(spec("good-token"));
  expect(await log.append("good-token", 0, records(0, 1))).toBe(0);
});

test("a client certificate says who the client is", async () => {
  const { certFile, keyFile } = security.client;
  const cert = readFileSync(certFile, "utf8");
  const log = open(security.mutualBrokers, {
    tls: { ...tls, cert, key: readFileSync(keyFile, "utf8") },
  });
  // The certificate's user has no rights yet, so the broker knows who is asking.
  expect(await rejection(log.createTopic(spec("mine")))).toMatchObject({ code: "log_unavailable" });
  expect(kafkaFault(await rejection(log.createTopic(spec("mine"))))).toMatchObject({
    kind: "authorization",
  });
});

interface Mistake {
  readonly what: string;
  readonly open: () => KafkaEventLog;
  readonly kind: KafkaErrorKind;
  readonly names: RegExp;
}

const good = () => ({ tls, sasl: sasl("gateway", "SCRAM-SHA-512") });
const mistakes: readonly Mistake[] = [
  {
    what: "a wrong password",
    open: () => open(kafka.brokers, { tls, sasl: sasl("gateway", "SCRAM-SHA-512", "wrong") }),
    kind: "authentication",
    names: /KAFKA_SASL_PASSWORD/,
  },
  {
    what: "a wrong password with PLAIN",
    open: () => open(kafka.brokers, { tls, sasl: sasl("gateway", "PLAIN", "wrong") }),
    kind: "authentication",
    names: /KAFKA_SASL_PASSWORD/,
  },
  {
    what: "a token that is refused",
    open: () =>
      open(kafka.brokers, { tls, sasl: { mechanism: "OAUTHBEARER", token: () => "nonsense" } }),
    kind: "authentication",
    names: /token/,
  },
  {
    what: "a mechanism that the broker does not offer",
    open: () =>
      open(kafka.brokers, {
        tls,
        sasl: { ...sasl("gateway", "PLAIN"), mechanism: "GSSAPI" as "PLAIN" },
      }),
    kind: "authentication",
    names: /KAFKA_SASL_MECHANISM/,
  },
  {
    what: "SASL where there is none",
    open: () => open(plain, { sasl: sasl("gateway", "PLAIN") }),
    kind: "authentication",
    names: /KAFKA_SASL_MECHANISM/,
  },
  {
    what: "no SASL where it is wanted",
    open: () => open(kafka.brokers, { tls }),
    kind: "network",
    names: /KAFKA_SASL_MECHANISM/,
  },
  {
    what: "TLS where there is none",
    open: () => open(plain, { tls }),
    kind: "tls",
    names: /KAFKA_TLS\b/,
  },
  {
    what: "no TLS where it is wanted",
    open: () => open(kafka.brokers, {}),
    kind: "tls",
    names: /KAFKA_TLS=true/,
  },
  {
    what: "no TLS where it is wanted, with a password",
    open: () => open(kafka.brokers, { sasl: sasl("gateway", "PLAIN") }),
    kind: "tls",
    names: /KAFKA_TLS=true/,
  },
  {
    what: "an authority that is not known",
    open: () => open(kafka.brokers, { ...good(), tls: { rejectUnauthorized: true } }),
    kind: "tls",
    names: /KAFKA_TLS_CA/,
  },
  {
    what: "an authority's file that is no certificate",
    open: () => open(kafka.brokers, { ...good(), tls: { ...tls, ca: "nonsense" } }),
    kind: "tls",
    names: /KAFKA_TLS_CA/,
  },
  {
    what: "a certificate that has expired",
    open: () => {
      const ca = readFileSync(expired.security?.caFile as string, "utf8");
      return open(expired.brokers, { ...good(), tls: { ...tls, ca } });
    },
    kind: "tls",
    names: /expired/,
  },
  {
    what: "a certificate for another name",
    open: () => open(kafka.brokers, { ...good(), tls: { ...tls, serverName: "other.example" } }),
    kind: "tls",
    names: /KAFKA_BROKERS/,
  },
  {
    what: "no client certificate where one is wanted",
    open: () => open(security.mutualBrokers, { tls }),
    kind: "network",
    names: /KAFKA_TLS_CERT/,
  },
  {
    what: "a host that is not known",
    open: () => open(["no-such-host.invalid:9092"], {}),
    kind: "dns",
    names: /KAFKA_BROKERS/,
  },
  {
    what: "a port that nobody listens at",
    open: () => open(["127.0.0.1:1"], {}),
    kind: "network",
    names: /KAFKA_BROKERS/,
  },
];

for (const { what, open: openWrong, kind, names } of mistakes)
  test(`names the kind and the setting for ${what}`, async () => {
    const log = openWrong();
    const error = (await rejection(log.topics())) as AppError;
    expect(error.code).toBe("log_unavailable");
    const fault = kafkaFault(error);
    expect([fault.kind, fault.hint]).toEqual([kind, expect.stringMatching(names)]);
    expect(error.message).toContain(fault.hint);
    for (const secret of Object.values(security.users)) expect(error.message).not.toContain(secret);
    // An append that cannot be sent is certainly not in the log.
    expect(await rejection(log.append("t", 0, records(0, 1)))).toMatchObject({
      code: "log_unavailable",
    });
  });

test("rights that are missing are named for each thing that needs them", async () => {
  const admin = open(kafka.brokers, { tls, sasl: sasl("admin", "PLAIN") });
  await admin.createTopic(spec("guarded"));
  const log = open(kafka.brokers, good());
  const denied = { kind: "authorization", hint: expect.stringContaining("ACL") };
  for (const call of [
    () => log.append("guarded", 0, records(0, 1)),
    () => log.createTopic(spec("more")),
    () => log.describeTopic("guarded"),
    () => log.range("guarded", 0),
    () => log.committed("some-group", "guarded", 0),
  ])
    expect(kafkaFault(await rejection(call()))).toMatchObject(denied);
  const acls = await kafka.tool("org.apache.kafka.tools.AclCommand", [
    ...["--add", "--allow-principal", "User:gateway", "--topic", "guarded"],
    ...["--operation", "Write", "--operation", "Describe"],
  ]);
  expect([acls.exitCode, acls.output]).toEqual([0, expect.any(String)]);
  // Those who wait for the rights find them without a new start.
  for (;;) {
    const outcome = await log.append("guarded", 0, records(1, 1)).catch(() => -1);
    if (outcome === 0) break;
    await Bun.sleep(50);
  }
  expect(kafkaFault(await rejection(log.read("guarded", 0, 0, 10)))).toMatchObject(denied);
});

test("a topic that is not there and a record that is too large have codes of their own", async () => {
  const log = open(kafka.brokers, { tls, sasl: sasl("admin", "PLAIN") });
  expect(await rejection(log.append("nowhere", 0, records(0, 1)))).toMatchObject({
    code: "topic_unknown",
  });
  await log.createTopic(spec("large"));
  const large = { key: "k", headers: {}, value: "x".repeat(5 * 1024 * 1024) };
  const [first, too, last] = await Promise.allSettled([
    log.append("large", 0, records(0, 1)),
    log.append("large", 0, [large]),
    log.append("large", 0, records(1, 1)),
  ]);
  expect(too).toMatchObject({ status: "rejected", reason: { code: "record_too_large" } });
  expect([first, last]).toEqual([
    { status: "fulfilled", value: 0 },
    { status: "fulfilled", value: 1 },
  ]);
});
