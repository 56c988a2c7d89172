import { expect, test } from "bun:test";
import type { Item } from "../../src/client/tidegate.ts";
import { range } from "../support/client/client-bench.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { runTool } from "../support/cluster/tool.ts";
import { until } from "../support/gateway/until.ts";

const TIMEOUT_MS = 120_000;

test(
  "a topic that was deleted and made again halts its partition until accept-loss, and then readers start over",
  async () => {
    await using cluster = await TestCluster.create();
    const tenant = await cluster.addTenant("acme");
    const gateway = await cluster.startGateway();
    const first = await cluster.startConsumers(["delivery"]);
    const client = cluster.client(gateway.url, tenant.name, "ana");
    const items: Item[] = [];
    client.subscribe("general", { onItem: (item) => items.push(item) });
    const seqs = () => items.flatMap((item) => (item.type === "event" ? [item.seq] : []));
    for (const i of range(1, 5)) await client.send("general", { text: `before ${i}` }).receipt;
    await until("they are read", () => seqs().length === 5);
    expect(await first.stop()).toBe(0);

    await cluster.recreateTopic(tenant);
    const { receipt } = client.send("general", { text: "after" });
    const { at } = await receipt;
    const place = `${tenant.placement.topic}/${at?.partition}`;
    const halted = cluster.launchConsumers(["delivery"]);
    await halted.when("it has halted", ({ checks }) => checks["delivery"] !== "ok");
    await halted.when("it names the partition", ({ checks }) =>
      (checks["delivery"] ?? "").includes(`${place}: topic_recreated`),
    );
    expect((await halted.readiness()).status).toBe("not_ready");
    expect(seqs()).toHaveLength(5);
    expect(await halted.stop()).toBe(0);

    const accept = (...args: string[]) =>
      runTool("cli/tidegate.ts", ["accept-loss", ...args], cluster.settings);
    expect((await accept(place)).code).toBe(2);
    const accepted = await accept(place, "--yes");
    expect(accepted).toMatchObject({ code: 0, errors: "" });
    expect(accepted.output).toContain("topic_recreated");
    expect((await accept(place, "--yes")).output).toContain("nothing was changed");

    await cluster.startConsumers(["delivery"], { TIDEGATE_WORKER: "again" });
    await until(
      "the reader starts over",
      () => items.some((item) => item.type === "reset"),
      30_000,
    );
    await until("what came after is read", () => seqs().length >= 6, 30_000);
    const last = items.findLast((item) => item.type === "event");
    expect(last?.event.content).toEqual({ text: "after" });
  },
  TIMEOUT_MS,
);
