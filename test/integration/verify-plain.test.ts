import { beforeAll, expect, test } from "bun:test";
import type { CheckResult } from "../../cli/verify/check.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { runTool } from "../support/cluster/tool.ts";
import { issue, makeAuthority, pem } from "../support/services/certificates.ts";
import { useKafka } from "../support/services/kafka.ts";
import { startPostgres } from "../support/services/postgres.ts";
import { useRedis } from "../support/services/redis.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TIMEOUT_MS = 120_000;

let brokers: string;
beforeAll(async () => {
  brokers = (await useKafka()).brokers.join(",");
}, TIMEOUT_MS);

test("verify:kafka needs nothing but Kafka's settings", async () => {
  const { code, output } = await runTool("cli/verify.ts", ["--kafka"], {
    KAFKA_BROKERS: brokers,
    KAFKA_CLIENT_ID: createSystemRandom().uuidv7(),
  });
  expect(output).toContain("all is well");
  expect(code).toBe(0);
});

test("verify:kafka is a command of tidegate as well, and takes --json", async () => {
  const { code, output } = await runTool("cli/tidegate.ts", ["verify:kafka", "--json"], {
    KAFKA_BROKERS: brokers,
  });
  const { checks } = JSON.parse(output) as { checks: CheckResult[] };
  expect(new Set(checks.map(({ part }) => part))).toEqual(new Set(["kafka"]));
  expect(code).toBe(0);
});

test("settings that are wrong in themselves end it with 2, before any service is asked", async () => {
  const { code, output, errors } = await runTool("cli/verify.ts", [], {
    KAFKA_BROKERS: brokers,
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: "admin",
    KAFKA_SASL_PASSWORD: "",
    KAFKA_CLIENT: "kafkajs",
    KAFKA_COMPRESSION: "lz4",
    REDIS_URL: "redis+sentinel://127.0.0.1:1",
    DATABASE_URL: "postgres://localhost/tidegate",
  });
  expect([code, output]).toEqual([2, ""]);
  expect(errors).toContain("KAFKA_SASL_PASSWORD is missing");
  expect(errors).toContain("KAFKA_COMPRESSION lz4 needs KAFKA_CLIENT=platformatic");
});

test(
  "Postgres's certificate is checked with the authorities that are named, and only with those",
  async () => {
    using other = createTempFolder();
    using own = createTempFolder();
    await Promise.all([makeAuthority(own.path), makeAuthority(other.path, "Somebody else")]);
    await issue(own.path, "postgres");
    const tls = { certFile: pem(own.path, "postgres"), keyFile: pem(own.path, "postgres-key") };
    await using postgres = await startPostgres({ tls });
    const redis = await useRedis();
    const settings = (ca: string) => ({
      KAFKA_BROKERS: brokers,
      REDIS_URL: redis.url,
      DATABASE_URL: postgres.url,
      DATABASE_TLS_CA: ca,
    });
    const right = await runTool("cli/tenants.ts", ["list"], settings(pem(own.path, "ca")));
    expect([right.code, right.errors]).toEqual([0, ""]);
    const wrong = await runTool("cli/verify.ts", ["--json"], settings(pem(other.path, "ca")));
    const { checks } = JSON.parse(wrong.output) as { checks: CheckResult[] };
    const failed = checks.find(({ status }) => status === "failed");
    expect([failed?.part, failed?.name]).toEqual(["postgres", "log in"]);
    expect(failed?.look).toContain("DATABASE_TLS_CA");
    const missing = await runTool("cli/verify.ts", [], settings("/nowhere/ca.pem"));
    expect(missing.code).toBe(2);
    expect(missing.errors).toContain("DATABASE_TLS_CA names a file that cannot be read");
  },
  TIMEOUT_MS,
);
