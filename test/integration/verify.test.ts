import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { RedisClient, SQL } from "bun";
import type { CheckResult } from "../../cli/verify/check.ts";
import { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { runTool, type Settings } from "../support/cluster/tool.ts";
import { makeAuthority, pem } from "../support/services/certificates.ts";
import { startKafka, useKafka, type Kafka } from "../support/services/kafka.ts";
import { startPostgres, type Postgres } from "../support/services/postgres.ts";
import { startRedis, type Redis } from "../support/services/redis.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TIMEOUT_MS = 120_000;
const TOPIC_TOOL = "org.apache.kafka.tools.TopicCommand";
const APP_PASSWORD = "app-password";
const REDIS_PASSWORD = "redis-password";

let kafka: Kafka;
let redis: Redis;
let postgres: Postgres;
let right: Settings;
const plain: { brokers: string } = { brokers: "" };
const folder = createTempFolder();

beforeAll(async () => {
  const hba = join(folder.path, "pg_hba.conf");
  writeFileSync(hba, "host all tidegate all trust\nhost all all all scram-sha-256\n");
  // Another user runs the server.
  chmodSync(folder.path, 0o755);
  [kafka, redis, postgres] = await Promise.all([
    startKafka({ shape: "secure" }),
    startRedis(),
    startPostgres({ settings: { hba_file: hba } }),
  ]);
  plain.brokers = (await useKafka()).brokers.join(",");
  const client = new RedisClient(redis.url);
  await client.send("CONFIG", ["SET", "requirepass", REDIS_PASSWORD]);
  client.close();
  await using admin = new SQL(postgres.url);
  await admin.unsafe(`CREATE ROLE app LOGIN PASSWORD '${APP_PASSWORD}'`);
  await admin.unsafe("CREATE DATABASE app OWNER app");
  const { port } = new URL(postgres.url);
  right = {
    KAFKA_BROKERS: kafka.brokers.join(","),
    KAFKA_TLS: "true",
    KAFKA_TLS_CA: kafka.security?.caFile ?? "",
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: "admin",
    KAFKA_SASL_PASSWORD: kafka.security?.users.admin ?? "",
    KAFKA_CONNECTION_TIMEOUT: "3000",
    REDIS_URL: redis.url.replace("redis://", `redis://:${REDIS_PASSWORD}@`),
    DATABASE_URL: `postgres://app:${APP_PASSWORD}@127.0.0.1:${port}/app`,
  };
  const added = await runTool("cli/tenants.ts", ["add", "acme", "--plan", "small"], right);
  expect(added).toMatchObject({ code: 0, errors: "" });
}, TIMEOUT_MS);

afterAll(async () => {
  await Promise.all([kafka, redis, postgres].map((one) => one?.[Symbol.asyncDispose]()));
  folder[Symbol.dispose]();
}, TIMEOUT_MS);

/** The user that may do nothing but what it is allowed. */
const gatewayUser = () => ({
  KAFKA_SASL_USERNAME: "gateway",
  KAFKA_SASL_PASSWORD: kafka.security?.users.gateway ?? "",
});

const allow = (...args: string[]) =>
  kafka.tool("org.apache.kafka.tools.AclCommand", [
    "--add",
    "--allow-principal",
    "User:gateway",
    ...args,
  ]);

/** The first check that failed, of a run that has to find something. */
async function mistake(
  changes: Readonly<Record<string, string | undefined>>,
  args: readonly string[] = [],
): Promise<CheckResult> {
  const settings = Object.fromEntries(
    Object.entries({ ...right, ...changes }).filter(
      (entry): entry is [string, string] => entry[1] !== undefined,
    ),
  );
  const { code, output, errors } = await runTool("cli/verify.ts", ["--json", ...args], settings);
  expect(errors).toBe("");
  expect(code).toBe(1);
  for (const secret of [
    APP_PASSWORD,
    REDIS_PASSWORD,
    ...Object.values(kafka.security?.users ?? {}),
  ])
    expect(output).not.toContain(secret);
  const { checks } = JSON.parse(output) as { checks: CheckResult[] };
  const failed = checks.find(({ status }) => status === "failed");
  if (process.env["VERIFY_SHOW"])
    console.log((await runTool("cli/verify.ts", args, settings)).output);
  if (failed === undefined) throw new Error(`nothing failed:\n${output}`);
  return failed;
}

test(
  "right settings pass every check, with an end of 0, and so a second time",
  async () => {
    for (let run = 0; run < 2; run++) {
      const { code, output, errors } = await runTool("cli/verify.ts", [], right);
      expect(errors).toBe("");
      expect(output).toContain("all is well");
      expect(code).toBe(0);
    }
  },
  TIMEOUT_MS,
);

describe("a mistake is named with its setting", () => {
  const finds = (
    name: string,
    changes: () => Readonly<Record<string, string | undefined>>,
    expected: { part: string; check: string; found: RegExp; look: RegExp },
  ): void =>
    test(
      name,
      async () => {
        const result = await mistake(changes());
        expect([result.part, result.name]).toEqual([expected.part, expected.check]);
        expect(result.found).toMatch(expected.found);
        expect(result.look).toMatch(expected.look);
      },
      TIMEOUT_MS,
    );

  finds("a wrong host", () => ({ KAFKA_BROKERS: "no-such-broker.invalid:9093" }), {
    part: "kafka",
    check: "dns",
    found: /no-such-broker\.invalid has no address/,
    look: /KAFKA_BROKERS/,
  });

  finds("a wrong port", () => ({ KAFKA_BROKERS: "127.0.0.1:1" }), {
    part: "kafka",
    check: "tcp",
    found: /127\.0\.0\.1:1 refuses/,
    look: /KAFKA_BROKERS/,
  });

  finds("TLS on a port without", () => ({ KAFKA_BROKERS: plain.brokers }), {
    part: "kafka",
    check: "tls",
    found: /does not speak TLS, and KAFKA_TLS is on/,
    look: /KAFKA_TLS.*port in KAFKA_BROKERS/,
  });

  finds("no TLS on a port with", () => ({ KAFKA_TLS: "false", KAFKA_TLS_CA: undefined }), {
    part: "kafka",
    check: "tls",
    found: /speaks TLS, and KAFKA_TLS is off/,
    look: /KAFKA_TLS=true/,
  });

  test(
    "the CA of someone else, and none",
    async () => {
      await makeAuthority(folder.path);
      for (const KAFKA_TLS_CA of [pem(folder.path, "ca"), undefined]) {
        const result = await mistake({ KAFKA_TLS_CA });
        expect([result.part, result.name]).toEqual(["kafka", "tls"]);
        expect(result.look).toContain("KAFKA_TLS_CA");
      }
    },
    TIMEOUT_MS,
  );

  finds("a wrong password", () => ({ KAFKA_SASL_PASSWORD: "wrong" }), {
    part: "kafka",
    check: "log in",
    found: /authentication/i,
    look: /KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD/,
  });

  finds(
    "no mechanism where one is wanted",
    () => ({
      KAFKA_SASL_MECHANISM: undefined,
      KAFKA_SASL_USERNAME: undefined,
      KAFKA_SASL_PASSWORD: undefined,
    }),
    {
      part: "kafka",
      check: "sasl",
      found: /wants SASL and offers .*SCRAM-SHA-512/,
      look: /KAFKA_SASL_MECHANISM/,
    },
  );

  finds(
    "a mechanism where none is known",
    () => ({ KAFKA_BROKERS: plain.brokers, KAFKA_TLS: "false", KAFKA_TLS_CA: undefined }),
    {
      part: "kafka",
      check: "sasl",
      found: /does not know SASL/,
      look: /KAFKA_SASL_MECHANISM/,
    },
  );

  finds("a user without ACLs", gatewayUser, {
    part: "kafka",
    check: "topics",
    found: /chat\.messages\.acme/,
    look: /ACLs? of KAFKA_SASL_USERNAME|ACL/,
  });

  finds(
    "a wrong password of Redis",
    () => ({ REDIS_URL: redis.url.replace("://", "://:wrong@") }),
    {
      part: "redis",
      check: "server",
      found: /does not accept the user or password/,
      look: /REDIS_URL/,
    },
  );

  finds(
    "a wrong password of Postgres",
    () => ({ DATABASE_URL: right["DATABASE_URL"]?.replace(APP_PASSWORD, "wrong") }),
    {
      part: "postgres",
      check: "log in",
      found: /password authentication failed/,
      look: /DATABASE_URL: user and password/,
    },
  );

  finds(
    "a database that is not there",
    () => ({ DATABASE_URL: right["DATABASE_URL"]?.replace(/app$/, "nowhere") }),
    {
      part: "postgres",
      check: "log in",
      found: /"nowhere" does not exist/,
      look: /DATABASE_URL: the database/,
    },
  );
});

test(
  "a user that may see and read a tenant's topic, and not write it, is told so",
  async () => {
    await allow("--operation", "Read", "--operation", "Describe", "--topic", "chat.messages.acme");
    await allow("--operation", "All", "--topic", "internal.verify.probe");
    const result = await mistake(gatewayUser());
    expect([result.part, result.name]).toEqual(["kafka", "topics"]);
    expect(result.found).toBe("the user may not write chat.messages.acme");
    expect(result.look).toContain("give KAFKA_SASL_USERNAME the ACL");
  },
  TIMEOUT_MS,
);

test(
  "a user that may not see the topic that Kafka is asked for has reached Kafka all the same",
  async () => {
    await using consumers = await ClusterProgram.start("consumers/main.ts", ["outbox"], {
      ...right,
      ...gatewayUser(),
      KAFKA_VALIDATE_ON_STARTUP: "true",
      HEALTH_INCLUDE_KAFKA: "true",
      TIDEGATE_CONSUMERS_PORT: "0",
    });
    expect((await consumers.readiness()).checks["kafka"]).toBe("ok");
    expect(await consumers.stop()).toBe(0);
  },
  TIMEOUT_MS,
);

/** A token that this broker takes: unsigned, for the user that may do everything. */
function unsignedToken(): string {
  const part = (value: object) => Buffer.from(JSON.stringify(value)).toString("base64url");
  const seconds = Math.floor(Date.now() / 1_000);
  return `${part({ alg: "none" })}.${part({ sub: "admin", iat: seconds, exp: seconds + 600 })}.`;
}

test(
  "tokens from an endpoint log in by OAUTHBEARER, and one that gives none is named",
  async () => {
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: (request) =>
        new URL(request.url).pathname === "/token"
          ? Response.json({ access_token: unsignedToken(), expires_in: 600 })
          : new Response("no", { status: 403 }),
    });
    const bearer = (path: string) => ({
      KAFKA_SASL_MECHANISM: "OAUTHBEARER",
      KAFKA_SASL_USERNAME: "",
      KAFKA_SASL_PASSWORD: "",
      KAFKA_SASL_TOKEN_ENDPOINT: `http://127.0.0.1:${server.port}${path}`,
      KAFKA_SASL_CLIENT_ID: "gateway",
      KAFKA_SASL_CLIENT_SECRET: "secret",
    });
    const settings = { ...right, ...bearer("/token") };
    const { output } = await runTool("cli/verify.ts", ["--kafka"], settings);
    expect(output).toContain("OAUTHBEARER is offered");
    expect(output).toContain("all is well");
    const refused = await mistake(bearer("/elsewhere"));
    expect([refused.part, refused.name]).toEqual(["kafka", "log in"]);
    expect(refused.found).toContain("KAFKA_SASL_TOKEN_ENDPOINT answered 403");
  },
  TIMEOUT_MS,
);

test(
  "a client certificate is used where one is asked for, and its absence is named",
  async () => {
    const mutual = {
      KAFKA_BROKERS: kafka.security?.mutualBrokers.join(",") ?? "",
      KAFKA_SASL_MECHANISM: undefined,
      KAFKA_SASL_USERNAME: undefined,
      KAFKA_SASL_PASSWORD: undefined,
    };
    const without = await mistake(mutual);
    expect(without.look).toContain("KAFKA_TLS_CERT");
    const shown = await mistake({
      ...mutual,
      KAFKA_TLS_CERT: kafka.security?.client.certFile,
      KAFKA_TLS_KEY: kafka.security?.client.keyFile,
    });
    // Logged in by its certificate, the user is the one without the right to write.
    expect([shown.name, shown.found]).toEqual([
      "topics",
      "the user may not write chat.messages.acme",
    ]);
  },
  TIMEOUT_MS,
);

test(
  "a topic with another number of partitions than the catalog says, and none at all",
  async () => {
    const topic = "chat.messages.acme";
    await kafka.tool(TOPIC_TOOL, ["--alter", "--topic", topic, "--partitions", "6"]);
    const grown = await mistake({});
    expect([grown.part, grown.name]).toEqual(["kafka", "topics"]);
    expect(grown.found).toBe(`${topic} has 6 partitions, the catalog says 4`);
    await kafka.tool(TOPIC_TOOL, ["--delete", "--topic", topic]);
    const gone = await mistake({});
    expect(gone.found).toContain(`${topic} is not there`);
  },
  TIMEOUT_MS,
);
