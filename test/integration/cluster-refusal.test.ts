import { expect, test } from "bun:test";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { until } from "../support/gateway/until.ts";
import { startRedis } from "../support/services/redis.ts";

const TIMEOUT_MS = 120_000;

test(
  "a sender whose message was refused while Redis was away is told when Redis is back",
  async () => {
    await using redis = await startRedis();
    await using cluster = await TestCluster.create();
    const tenant = await cluster.addTenant("acme");
    const settings = { REDIS_URL: redis.url };
    const gateway = await cluster.startGateway(settings);
    const consumers = await cluster.startConsumers(["delivery"], settings);
    const client = cluster.client(gateway.url, tenant.name, "ana");
    const refusals: { readonly key: string; readonly code: string }[] = [];
    client.onRefused((refusal) => refusals.push(refusal));
    const { key, receipt } = client.send("general", { text: "first" });
    await receipt;

    await redis.kill();
    await consumers.when("it is without Redis", ({ checks }) => checks["redis"] !== "ok");
    // Another content under the same key has its receipt, and is refused when it is folded.
    await client.send("general", { text: "second" }, { key }).receipt;
    const metrics = async () => (await fetch(`${consumers.url}/metrics`)).text();
    await until("it is refused", async () =>
      /^tidegate_backplane_refusals_kept 1$/m.test(await metrics()),
    );
    expect(refusals).toEqual([]);

    await redis.start();
    await until("the sender knows", () => refusals.length > 0, 30_000);
    expect(refusals[0]).toMatchObject({ key, code: "key_conflict" });
    await until(
      "nothing is kept any more",
      async () => /^tidegate_backplane_refusals_kept 0$/m.test(await metrics()),
      30_000,
    );
    // It was said twice at least, and told once.
    expect(refusals).toHaveLength(1);
  },
  TIMEOUT_MS,
);
