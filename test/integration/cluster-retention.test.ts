import { expect, test } from "bun:test";
import { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import type { Item } from "../../src/client/tidegate.ts";
import { range } from "../support/client/client-bench.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { until } from "../support/gateway/until.ts";

const TIMEOUT_MS = 120_000;

/** Makes all that the cluster has stored until now two days old. */
async function age(cluster: TestCluster): Promise<void> {
  const database = new PostgresDatabase({
    url: cluster.settings["DATABASE_URL"] as string,
    schema: cluster.name,
    applicationName: "tidegate-test",
    connectionsMax: 1,
    waitingMax: 1,
    connectTimeoutMs: 10_000,
    statementTimeoutMs: 10_000,
  });
  try {
    await database.use(async (session) => {
      await session`UPDATE batches SET stored_at = stored_at - interval '2 days'`;
    });
  } finally {
    await database.close();
  }
}

test(
  "a reader whose cursor is older than the retention is told where it goes on, and the auditor finds nothing lost",
  async () => {
    await using cluster = await TestCluster.create();
    const tenant = await cluster.addTenant("acme");
    const gateway = await cluster.startGateway();
    await cluster.startConsumers(["delivery"]);
    const client = cluster.client(gateway.url, tenant.name, "ana");
    const send = (texts: readonly number[]) =>
      Promise.all(texts.map((text) => client.send("general", { text }).receipt));
    const floor = async () => (await client.history("general")).floor;
    const kept = async () => (await client.history("general")).events.map(({ seq }) => seq);

    await send(range(1, 6));
    await until("they are stored", async () => (await kept()).length === 6);
    const [, , third] = (await client.history("general")).events;
    await age(cluster);
    await send(range(7, 10));
    await until("all is stored", async () => (await kept()).length === 10);

    const days = { TIDEGATE_RETENTION_DAYS: "1" };
    const retention = await cluster.startConsumers(["retention"], days);
    await until("the floor has risen", async () => (await floor()) > 1, 30_000);
    expect(await kept()).toEqual(range(7, 10));

    const items: Item[] = [];
    client.subscribe("general", {
      cursor: third?.cursor as string,
      onItem: (item) => items.push(item),
    });
    const seqs = () => items.flatMap((item) => (item.type === "event" ? [item.seq] : []));
    await until("what is kept was read", () => seqs().length >= 4, 30_000);
    expect(items[0]).toMatchObject({ type: "reset", reason: "expired", floor: 7 });
    expect(seqs()).toEqual(range(7, 10));

    const auditor = await cluster.startConsumers(["auditor"], days);
    const metrics = async (url: string) => (await fetch(`${url}/metrics`)).text();
    await until("all is recounted", async () =>
      /^tidegate_audit_records_total 10$/m.test(await metrics(auditor.url)),
    );
    const audited = await metrics(auditor.url);
    expect(audited).toMatch(/^tidegate_audit_skipped_total 6$/m);
    expect(audited).toMatch(/^tidegate_audit_lost_total 0$/m);
    expect(audited).toMatch(/^tidegate_audit_reordered_total 0$/m);
    const removed = await metrics(retention.url);
    expect(removed).toMatch(/^tidegate_retention_events_total 6$/m);
    expect(removed).toMatch(/^tidegate_store_expired_events_total 6$/m);
    expect(await retention.stop()).toBe(0);
  },
  TIMEOUT_MS,
);
