import { describe, expect, test } from "bun:test";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { runTool, type Settings, type ToolEnd } from "../support/cluster/tool.ts";
import { freshKey, say } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { trust } from "../support/gateway/trust.ts";

const TIMEOUT_MS = 120_000;
const ROOM = "general";

const explain = (settings: Settings, ...args: readonly string[]): Promise<ToolEnd> =>
  runTool("cli/tidegate.ts", ["explain", ...args], settings);

async function stateOf(settings: Settings, id: string): Promise<string> {
  const { output, errors } = await explain(settings, id, "--json");
  if (output === "") throw new Error(errors);
  return (JSON.parse(output) as { readonly state: string }).state;
}

describe("explain", () => {
  test(
    "says how it is called, and refuses what it does not understand",
    async () => {
      const help = await explain({}, "--help");
      expect(help.code).toBe(0);
      expect(help.output).toContain("--user U");
      const wrong = [[], ["a", "b"], ["no-id"], [`${freshKey()}.abcdefghijklmnop`, "--token", "x"]];
      for (const { code } of await Promise.all(wrong.map((args) => explain({}, ...args))))
        expect(code).toBe(2);
    },
    TIMEOUT_MS,
  );

  test(
    "tells of a standalone Tidegate's messages once it is stopped",
    async () => {
      await using gateway = await TestGateway.start();
      await using client = await gateway.connect({ user: "ana" });
      const key = freshKey();
      const { message: id } = await say(client, ROOM, "hello", key);
      await client.ask("send", { conversation: ROOM, key, attempt: 2, content: { text: "hello" } });
      const settings = { ...trust.settings, TIDEGATE_DATA: gateway.folder };
      const early = await explain(settings, id);
      expect(early.code).toBe(1);
      expect(early.errors).toContain("Stop the program that uses it");
      await gateway.stop();

      const token = await trust.token({ user: "bob" });
      const { code, output } = await explain(settings, id, "--user", "bob", "--token", token);
      expect(code).toBe(0);
      expect(output).toContain(`/ "${ROOM}", seq 1 of epoch`);
      expect(output).toContain("duplicate of offset");
      expect(output).toContain("yes: the token allows");
      const unknown = await explain(settings, `${freshKey()}.abcdefghijklmnop`);
      expect(unknown.code).toBe(1);
      expect(unknown.output).toContain("unknown. Nobody knows it");
    },
    TIMEOUT_MS,
  );

  test(
    "tells of a cluster's message from the outbox to its place, while everything runs",
    async () => {
      await using cluster = await TestCluster.create();
      const { name: tenant } = await cluster.addTenant("acme");
      const [gateway] = await Promise.all([
        cluster.startGateway({ EVENT_STORE: "database" }),
        cluster.startConsumers(["delivery"]),
      ]);
      const client = cluster.client(gateway.url, tenant, "ana");
      const { key, receipt } = client.send(ROOM, { text: "hello" });
      const { message: id } = await receipt;
      expect(await stateOf(cluster.settings, id)).toBe("outbox");

      await cluster.startConsumers(["outbox"]);
      for await (const _ of client.subscribe(ROOM, { tail: 10 }).events()) break;
      // The same key again with another content: its receipt comes from the outbox, its refusal later.
      const refused = Promise.withResolvers<void>();
      client.onRefused(() => refused.resolve());
      await client.send(ROOM, { text: "another" }, { key }).receipt;
      await refused.promise;
      const { code, output } = await explain(cluster.settings, id, "--tenant", tenant);
      expect(code).toBe(0);
      for (const part of [
        `${tenant} / "${ROOM}", seq 1 of epoch`,
        ": placed; try 2",
        ": refused (key_conflict",
        "delivery: key_conflict",
        "(30 days from its storing)",
      ])
        expect(output).toContain(part);
    },
    TIMEOUT_MS,
  );
});
