import { afterAll, beforeAll, expect, test } from "bun:test";
import type { CheckResult } from "../../cli/verify/check.ts";
import { runTool, type Settings } from "../support/cluster/tool.ts";
import { startKafka, type Kafka } from "../support/services/kafka.ts";

const TIMEOUT_MS = 120_000;
const TOPIC_TOOL = "org.apache.kafka.tools.TopicCommand";

let kafka: Kafka;
/** Of the user that may do nothing but what it is allowed. */
let settings: Settings;

beforeAll(async () => {
  kafka = await startKafka({
    shape: "secure",
    settings: { "listener.name.client.sasl.enabled.mechanisms": "SCRAM-SHA-512" },
  });
  settings = {
    KAFKA_BROKERS: kafka.brokers.join(","),
    KAFKA_TLS: "true",
    KAFKA_TLS_CA: kafka.security?.caFile ?? "",
    KAFKA_SASL_MECHANISM: "scram-sha-512",
    KAFKA_SASL_USERNAME: "gateway",
    KAFKA_SASL_PASSWORD: kafka.security?.users.gateway ?? "",
  };
}, TIMEOUT_MS);
afterAll(() => kafka?.stop(), TIMEOUT_MS);

async function allow(...args: string[]): Promise<void> {
  const principal = ["--add", "--allow-principal", "User:gateway"];
  await kafka.tool("org.apache.kafka.tools.AclCommand", [...principal, ...args]);
}

/** What the checks of Kafka find, and whether all is well. */
async function verify(changes: Settings = {}) {
  const { output } = await runTool("cli/verify.ts", ["--kafka", "--json"], {
    ...settings,
    ...changes,
  });
  return JSON.parse(output) as { ok: boolean; checks: CheckResult[] };
}

async function firstFailed(changes: Settings = {}): Promise<CheckResult | undefined> {
  const { ok, checks } = await verify(changes);
  expect(ok).toBe(false);
  return checks.find(({ status }) => status === "failed");
}

test(
  "a mechanism that the broker does not offer is named with those that it does",
  async () => {
    const result = await firstFailed({ KAFKA_SASL_MECHANISM: "plain" });
    expect(result).toMatchObject({ part: "kafka", name: "sasl" });
    expect(result?.found).toContain("does not offer PLAIN, but SCRAM-SHA-512");
    expect(result?.look).toContain("KAFKA_SASL_MECHANISM");
  },
  TIMEOUT_MS,
);

test(
  "a user that may not keep dead letters is told so, and is warned when it only may not redrive them",
  async () => {
    const kept = ["--topic", "delivery.dlq"];
    const redriven = ["--topic", "dead-letters.redriven"];
    const deadLetters = async (): Promise<CheckResult | undefined> =>
      (await verify()).checks.find(({ name }) => name === "dead letters");
    await allow("--operation", "Write", ...kept);
    expect(await deadLetters()).toMatchObject({
      status: "failed",
      found:
        "the user may not read or create delivery.dlq; the user may not see dead-letters.redriven",
      look: expect.stringContaining("give KAFKA_SASL_USERNAME the ACL") as unknown,
    });
    await allow("--operation", "Read", "--operation", "Create", ...kept);
    await allow("--operation", "Read", "--operation", "Write", ...redriven);
    expect(await deadLetters()).toMatchObject({
      status: "warning",
      found: "the user may not create dead-letters.redriven",
    });
    // Nobody has to make what is there.
    await kafka.tool(TOPIC_TOOL, ["--create", ...redriven, "--partitions", "1"]);
    expect(await deadLetters()).toMatchObject({ status: "ok" });
  },
  TIMEOUT_MS,
);

test(
  "a user that may use the groups of its cluster may use the one of verify, and none of another's",
  async () => {
    for (const name of ["internal.verify.probe", "delivery.dlq", "dead-letters.redriven"])
      await allow("--operation", "All", "--topic", name);
    await allow("--operation", "Read", "--group", "ours.", "--resource-pattern-type", "prefixed");
    expect(await verify({ TIDEGATE_CLUSTER: "ours" })).toMatchObject({ ok: true });
    const other = await firstFailed({ TIDEGATE_CLUSTER: "theirs" });
    expect(other).toMatchObject({ part: "kafka", name: "consumer group" });
  },
  TIMEOUT_MS,
);
