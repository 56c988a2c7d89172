import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import type { AppError } from "../../src/errors.ts";
import { type KafkaErrorKind, kafkaFault } from "../../src/kafka/error.ts";
import type { KafkaSettings, KafkaTls } from "../../src/kafka/settings.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import { records, spec } from "../conformance/event-log-kit.ts";
import { rejection } from "./rejection.ts";
import { type Kafka, type KafkaSecurity, startKafka, useKafka } from "./services/kafka.ts";

type Changes = Partial<KafkaSettings>;
type Mechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";

interface Mistake {
  readonly what: string;
  readonly open: () => EventLog;
  /** Which of them depends on who hears of it first. */
  readonly kinds: readonly KafkaErrorKind[];
  readonly names: RegExp;
}

/** TLS, the SASL mechanisms, and what a log tells of the mistakes that are made with them. */
export function kafkaSecuritySuite(
  name: string,
  openLog: (brokers: readonly string[], changes: Changes) => EventLog,
): void {
  describe(`event log (${name}) with TLS and SASL`, () => {
    let kafka: Kafka;
    let expired: Kafka;
    let security: KafkaSecurity;
    let tls: KafkaTls;
    let plain: readonly string[];
    const logs: EventLog[] = [];

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

    function open(brokers: readonly string[], changes: Changes): EventLog {
      const log = openLog(brokers, {
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
      expect(await rejection(log.createTopic(spec("mine")))).toMatchObject({
        code: "log_unavailable",
      });
      expect(kafkaFault(await rejection(log.createTopic(spec("mine"))))).toMatchObject({
        kind: "authorization",
      });
    });

    const good = () => ({ tls, sasl: sasl("gateway", "SCRAM-SHA-512") });
    const mistakes: readonly Mistake[] = [
      {
        what: "a wrong password",
        open: () => open(kafka.brokers, { tls, sasl: sasl("gateway", "SCRAM-SHA-512", "wrong") }),
        kinds: ["authentication"],
        names: /KAFKA_SASL_PASSWORD/,
      },
      {
        what: "a wrong password with PLAIN",
        open: () => open(kafka.brokers, { tls, sasl: sasl("gateway", "PLAIN", "wrong") }),
        kinds: ["authentication"],
        names: /KAFKA_SASL_PASSWORD/,
      },
      {
        what: "a token that is refused",
        open: () =>
          open(kafka.brokers, { tls, sasl: { mechanism: "OAUTHBEARER", token: () => "nonsense" } }),
        kinds: ["authentication"],
        names: /token/,
      },
      {
        what: "a mechanism that the broker does not offer",
        open: () =>
          open(kafka.brokers, {
            tls,
            sasl: { ...sasl("gateway", "PLAIN"), mechanism: "GSSAPI" as "PLAIN" },
          }),
        kinds: ["authentication"],
        names: /KAFKA_SASL_MECHANISM/,
      },
      {
        what: "SASL where there is none",
        open: () => open(plain, { sasl: sasl("gateway", "PLAIN") }),
        kinds: ["authentication"],
        names: /KAFKA_SASL_MECHANISM/,
      },
      {
        what: "no SASL where it is wanted",
        open: () => open(kafka.brokers, { tls }),
        kinds: ["network"],
        names: /KAFKA_SASL_MECHANISM/,
      },
      {
        what: "TLS where there is none",
        open: () => open(plain, { tls }),
        kinds: ["tls"],
        names: /KAFKA_TLS\b/,
      },
      {
        what: "no TLS where it is wanted",
        open: () => open(kafka.brokers, {}),
        kinds: ["tls"],
        names: /KAFKA_TLS=true/,
      },
      {
        what: "no TLS where it is wanted, with a password",
        open: () => open(kafka.brokers, { sasl: sasl("gateway", "PLAIN") }),
        kinds: ["tls"],
        names: /KAFKA_TLS=true/,
      },
      {
        what: "an authority that is not known",
        open: () => open(kafka.brokers, { ...good(), tls: { rejectUnauthorized: true } }),
        kinds: ["tls"],
        names: /KAFKA_TLS_CA/,
      },
      {
        what: "an authority's file that is no certificate",
        open: () => open(kafka.brokers, { ...good(), tls: { ...tls, ca: "nonsense" } }),
        kinds: ["tls"],
        names: /KAFKA_TLS_CA/,
      },
      {
        what: "a certificate that has expired",
        open: () => {
          const ca = readFileSync(expired.security?.caFile as string, "utf8");
          return open(expired.brokers, { ...good(), tls: { ...tls, ca } });
        },
        kinds: ["tls"],
        names: /expired/,
      },
      {
        what: "a certificate for another name",
        open: () =>
          open(kafka.brokers, { ...good(), tls: { ...tls, serverName: "other.example" } }),
        kinds: ["tls"],
        names: /KAFKA_BROKERS/,
      },
      {
        what: "no client certificate where one is wanted",
        open: () => open(security.mutualBrokers, { tls }),
        kinds: ["network", "tls"],
        names: /KAFKA_TLS_CERT/,
      },
      {
        what: "a host that is not known",
        open: () => open(["no-such-host.invalid:9092"], {}),
        kinds: ["dns"],
        names: /KAFKA_BROKERS/,
      },
      {
        what: "a port that nobody listens at",
        open: () => open(["127.0.0.1:1"], {}),
        kinds: ["network"],
        names: /KAFKA_BROKERS/,
      },
    ];

    // Most of what they take is waiting, each with clients of its own.
    for (const { what, open: openWrong, kinds, names } of mistakes)
      test.concurrent(`names the kind and the setting for ${what}`, async () => {
        const log = openWrong();
        const error = (await rejection(log.topics())) as AppError;
        expect(error.code).toBe("log_unavailable");
        const fault = kafkaFault(error);
        expect(kinds).toContain(fault.kind);
        expect(fault.hint).toMatch(names);
        expect(error.message).toContain(fault.hint);
        for (const secret of Object.values(security.users))
          expect(error.message).not.toContain(secret);
        // An append that cannot be sent is certainly not in the log.
        expect(await rejection(log.append("t", 0, records(0, 1)))).toMatchObject({
          code: "log_unavailable",
        });
      });

    test("rights that are missing are named for each thing that needs them", async () => {
      const admin = open(kafka.brokers, { tls, sasl: sasl("admin", "PLAIN") });
      await admin.createTopic(spec("guarded"));
      const log = open(kafka.brokers, good());
      const denied: object = {
        kind: "authorization",
        hint: expect.stringContaining("ACL") as unknown,
      };
      for (const call of [
        () => log.append("guarded", 0, records(0, 1)),
        () => log.createTopic(spec("more")),
        () => log.describeTopic("guarded"),
        () => log.range("guarded", 0),
        () => log.committed("some-group", "guarded", 0),
      ])
        expect(kafkaFault(await rejection(call()))).toMatchObject(denied);
      const acls = await kafka.tool("org.apache.kafka.tools.AclCommand", [
        "--add",
        "--allow-principal=User:gateway",
        "--topic=guarded",
        "--operation=Write",
        "--operation=Describe",
      ]);
      if (acls.exitCode !== 0) throw new Error(acls.output);
      // Those who wait for the rights find them without a new start.
      for (;;) {
        const outcome = await log.append("guarded", 0, records(1, 1)).catch(() => -1);
        if (outcome === 0) break;
        await Bun.sleep(50);
      }
      expect(kafkaFault(await rejection(log.read("guarded", 0, 0, 10)))).toMatchObject(denied);
    });

    test("a group that the user may not join is told, with the right that is missing", async () => {
      const log = open(kafka.brokers, good());
      const told = Promise.withResolvers<Error>();
      const consumer = await log.consume({
        group: "guarded-group",
        member: "m",
        topics: ["guarded"],
        handler: {
          assigned: () => Promise.reject(new Error("it is assigned nothing")),
          records: () => {},
          revoked: () => Promise.resolve(),
          lost: () => {},
          failed: (_topic, _partition, error) => told.resolve(error),
        },
      });
      expect((await told.promise).message).toContain("ACL");
      await consumer.close();
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
  });
}

/** A JWS without signature (RFC 7515, appendix A.5), which the test brokers take. */
function unsignedToken(subject: string): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const now = Math.floor(Date.now() / 1_000);
  return `${part({ alg: "none" })}.${part({ sub: subject, iat: now, exp: now + 600 })}.`;
}
