import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { runTool } from "../support/cluster/tool.ts";
import { freePort } from "../support/services/ports.ts";
import { startProxy } from "../support/services/proxy.ts";

const TIMEOUT_MS = 120_000;

let cluster: TestCluster;
/** An address where nothing listens. */
let nowhere: string;

beforeAll(async () => {
  cluster = await TestCluster.create();
  nowhere = `127.0.0.1:${freePort()}`;
}, TIMEOUT_MS);
afterAll(() => cluster[Symbol.asyncDispose](), TIMEOUT_MS);

describe("a program of a cluster that starts while a service is away", () => {
  test(
    "says which on /readyz, refuses clients as retriable, and serves once it is there",
    async () => {
      const { hostname, port } = new URL(cluster.settings["DATABASE_URL"] ?? "");
      await using proxy = await startProxy({ host: hostname, port: Number(port) });
      await proxy.cut();
      const url = new URL(cluster.settings["DATABASE_URL"] ?? "");
      url.host = proxy.address;
      await using gateway = new ClusterProgram("gateway/main.ts", [], {
        ...cluster.settings,
        DATABASE_URL: url.href,
      });
      await gateway.when("it has tried", ({ checks }) => checks["postgres"] !== "is not there yet");
      const { status, checks } = await gateway.readiness();
      expect(status).toBe("not_ready");
      expect(checks["postgres"]).not.toBe("ok");
      expect(checks["redis"]).toBe("ok");
      expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
      const refused = await fetch(`${gateway.url}/v1/conversations/general/messages`);
      expect(refused.status).toBe(503);
      expect(await refused.json()).toMatchObject({ code: "store_unavailable", retriable: true });
      await proxy.heal();
      await gateway.when("it serves", (reply) => reply.status === "ready");
      expect((await fetch(`${gateway.url}/v1/conversations/general/messages`)).status).toBe(401);
      // Once it has served it goes on serving what it can.
      await proxy.cut();
      await gateway.when(
        "it says what is missing",
        (reply) =>
          reply.status === "ready" && (reply.checks["postgres"] ?? "").startsWith("degraded: "),
      );
      expect(await gateway.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "is ready without Kafka unless HEALTH_INCLUDE_KAFKA says that it is needed",
    async () => {
      const settings = { ...cluster.settings, KAFKA_BROKERS: nowhere };
      await using gateway = await ClusterProgram.start("gateway/main.ts", [], settings);
      await using strict = new ClusterProgram("gateway/main.ts", [], {
        ...settings,
        HEALTH_INCLUDE_KAFKA: "true",
      });
      await strict.when("Kafka was looked for", ({ checks }) =>
        /KAFKA_BROKERS/.test(checks["kafka"] ?? ""),
      );
      expect((await strict.readiness()).status).toBe("not_ready");
      expect(await gateway.stop()).toBe(0);
      expect(await strict.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );

  test(
    "names the pool that waits, and stops at once all the same",
    async () => {
      await using consumers = new ClusterProgram("consumers/main.ts", ["delivery"], {
        ...cluster.settings,
        KAFKA_BROKERS: nowhere,
        TIDEGATE_CLUSTER: `${cluster.name}`,
      });
      await consumers.when("it serves", () => true);
      const { status, checks } = await consumers.readiness();
      expect(status).toBe("not_ready");
      expect(Object.keys(checks)).toContain("delivery");
      expect(Object.keys(checks)).not.toContain("auditor");
      expect(await consumers.stop()).toBe(0);
    },
    TIMEOUT_MS,
  );
});

test(
  "a gateway that shares its port says on TIDEGATE_HEALTH_PORT how it is itself",
  async () => {
    const PORT = String(freePort());
    const own = String(freePort());
    await using first = await ClusterProgram.start("gateway/main.ts", [], {
      ...cluster.settings,
      PORT,
      TIDEGATE_HEALTH_PORT: own,
    });
    const settings = { ...cluster.settings, PORT, DATABASE_URL: `postgres://ana@${nowhere}/chat` };
    const other = String(freePort());
    await using second = new ClusterProgram("gateway/main.ts", [], {
      ...settings,
      TIDEGATE_HEALTH_PORT: other,
    });
    await second.when("it serves", () => true);
    for (let i = 0; i < 20; i++) {
      expect((await fetch(`http://127.0.0.1:${own}/readyz`)).status).toBe(200);
      expect((await fetch(`http://127.0.0.1:${other}/readyz`)).status).toBe(503);
    }
    expect(await (await fetch(`http://127.0.0.1:${own}/metrics`)).text()).toContain("tidegate_");
    expect((await fetch(`http://127.0.0.1:${own}/`)).status).toBe(404);
    const third = await runTool("gateway/main.ts", [], { ...settings, TIDEGATE_HEALTH_PORT: own });
    expect(third.code).toBe(1);
    expect(third.errors).toContain(`port ${own} is in use: set TIDEGATE_HEALTH_PORT`);
    expect(await first.stop()).toBe(0);
    expect(await second.stop()).toBe(0);
  },
  TIMEOUT_MS,
);

describe("a program of a cluster that cannot start ends with a line that says what to do", () => {
  test(
    "when Kafka is to be validated and is away",
    async () => {
      for (const file of ["gateway/main.ts", "consumers/main.ts"]) {
        const end = await runTool(file, [], {
          ...cluster.settings,
          KAFKA_BROKERS: nowhere,
          KAFKA_CONNECTION_TIMEOUT: "1000",
          KAFKA_VALIDATE_ON_STARTUP: "true",
        });
        expect([end.code, end.output]).toEqual([1, ""]);
        expect(end.errors.trimEnd().split("\n")).toHaveLength(1);
        expect(end.errors).toContain("Tidegate cannot start: Kafka cannot be used");
        expect(end.errors).toContain("KAFKA_BROKERS");
        expect(end.errors).toContain("bun run verify");
      }
    },
    TIMEOUT_MS,
  );

  test("when settings are missing, all of them at once", async () => {
    const end = await runTool("gateway/main.ts", [], {});
    expect(end.code).toBe(1);
    for (const name of ["KAFKA_BROKERS", "REDIS_URL", "DATABASE_URL", "TIDEGATE_JWT_KEYS"])
      expect(end.errors).toContain(`  ${name} is missing`);
  });

  test("when a file that a setting names is not there", async () => {
    const end = await runTool("consumers/main.ts", [], {
      ...cluster.settings,
      KAFKA_TLS_CA: "/nowhere/ca.pem",
      REDIS_TLS_CA: "",
    });
    expect(end.code).toBe(1);
    expect(end.errors).toContain("KAFKA_TLS_CA names a file that cannot be read");
  });

  test("when a pool is none, with those that there are", async () => {
    const end = await runTool("consumers/main.ts", ["delivery", "presents"], cluster.settings);
    expect(end.code).toBe(2);
    expect(end.errors).toContain('there is no pool "presents": the pools are delivery, auditor');
  });

  test("when a tool cannot reach Postgres, with its address and setting", async () => {
    const settings = { ...cluster.settings, DATABASE_URL: `postgres://ana:secret@${nowhere}/chat` };
    const end = await runTool("cli/tenants.ts", ["list"], settings);
    expect([end.code, end.output]).toEqual([1, ""]);
    expect(end.errors).toStartWith(`tenants: The database at ${nowhere} cannot be reached`);
    expect(end.errors).toContain("look at DATABASE_URL");
    expect(end.errors).not.toContain("secret");
  });

  test("and --help needs no settings", async () => {
    for (const file of [
      "gateway/main.ts",
      "consumers/main.ts",
      "cli/tenants.ts",
      "cli/verify.ts",
    ]) {
      const end = await runTool(file, ["--help"], {});
      expect([end.code, end.errors]).toEqual([0, ""]);
      expect(end.output).toContain("bun run ");
    }
  });
});
