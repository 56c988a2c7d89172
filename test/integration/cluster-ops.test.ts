import { expect, test } from "bun:test";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { limitsWith } from "../../src/limits.ts";
import { messageRow } from "../../src/placing/message-row.ts";
import { deadLettersReplySchema, overviewSchema } from "../../src/wire/admin.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { runTool } from "../support/cluster/tool.ts";
import { until } from "../support/gateway/until.ts";
import { openKafkaLog } from "../support/kafka-log.ts";
import { useKafka } from "../support/services/kafka.ts";

const TIMEOUT_MS = 120_000;
const KEY = "the-key-of-this-cluster-only";
const TEXT = "its headers were lost";

test(
  "any gateway shows the whole cluster, also who has vanished, and what is redriven comes to its readers",
  async () => {
    await using cluster = await TestCluster.create();
    const { name: tenant, placement } = await cluster.addTenant("acme");
    const [gateway, other] = await Promise.all([
      cluster.startGateway({ TIDEGATE_ADMIN_KEY: KEY }),
      cluster.startGateway(),
    ]);
    const consumers = await cluster.startConsumers(["delivery", "auditor"]);
    const ask = async (path: string): Promise<unknown> => {
      const headers = { Authorization: `Bearer ${KEY}` };
      return (await fetch(`${gateway.url}/v1/admin/${path}`, { headers })).json();
    };
    const look = async () => overviewSchema.parse(await ask("overview")).processes;
    await until("all are shown", async () => (await look()).length === 3);
    expect((await fetch(`${other.url}/ops`)).status).toBe(404);
    expect((await fetch(`${gateway.url}/ops`)).status).toBe(200);

    const client = cluster.client(gateway.url, tenant, "ana");
    const heard: string[] = [];
    client.subscribe("general", {
      onItem(item) {
        if (item.type === "event") heard.push((item.event.content as { text: string }).text);
      },
    });
    await client.send("general", { text: "first" }).receipt;
    await until("it is counted", async () =>
      (await look()).some(
        ({ snapshot }) => (snapshot.numbers["tidegate_delivery_placed_total"] ?? 0) >= 1,
      ),
    );

    const { brokers } = await useKafka();
    const log = openKafkaLog(brokers);
    const find = () => Promise.resolve(placement);
    const key = "0198aaaa-bbbb-7ccc-8ddd-000000000001";
    const content = JSON.stringify({ text: TEXT });
    const row = await messageRow(
      { tenant, conversation: "general", sender: "ben", key, kind: "text", content },
      {
        catalog: { find, isGone: () => false, place: find },
        digest: createSystemDigest(),
        clock: createSystemClock(),
        limits: limitsWith(),
        source: "test",
      },
    );
    if ("fault" in row) throw new Error(row.fault);
    await log.append(row.topic, row.partition, [{ ...row.record, headers: {} }]);
    await log.close();
    const listed = async () => {
      const query = `dead-letters?tenant=${tenant}`;
      return deadLettersReplySchema.parse(await ask(query)).letters;
    };
    await until("it is kept", async () => (await listed()).length === 1, 20_000);

    const tool = (...args: readonly string[]) =>
      runTool("cli/tidegate.ts", ["dead-letters", ...args], cluster.settings);
    const { output: list } = await tool("list", "--tenant", tenant);
    expect(list).toContain(`malformed_record  ${tenant}  ${row.topic}/${row.partition}/`);
    const redriven = await tool("redrive", "--all", "--tenant", tenant);
    expect(redriven).toMatchObject({ code: 0, errors: "" });
    await until("its readers have it", () => heard.includes(TEXT), 20_000);
    expect(heard.filter((text) => text === TEXT)).toHaveLength(1);
    expect((await listed())[0]?.redriven).toBeNumber();

    await Promise.all([consumers.stop("SIGKILL"), other.stop()]);
    await until(
      "one is missed and one has left",
      async () => {
        const seen = await look();
        return seen.length === 2 && seen.some(({ missing }) => missing);
      },
      20_000,
    );
    const gone = (await look()).find(({ missing }) => missing);
    expect(gone?.snapshot.pools).toEqual(["delivery", "auditor"]);
  },
  TIMEOUT_MS,
);
