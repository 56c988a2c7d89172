import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { range } from "../support/client/client-bench.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";

const TIMEOUT_MS = 120_000;

describe("a gateway and a consumers process deliver", () => {
  let cluster: TestCluster;
  beforeAll(async () => {
    cluster = await TestCluster.create();
  }, TIMEOUT_MS);
  afterAll(() => cluster[Symbol.asyncDispose](), TIMEOUT_MS);

  for (const [word, settings] of [
    ["kafkajs", { KAFKA_CLIENT: "kafkajs" }],
    ["kip-848", { KAFKA_GROUP_PROTOCOL: "consumer" }],
    ["zstd", { KAFKA_COMPRESSION: "zstd" }],
    ["outbox-first", { EVENT_STORE: "database" }],
  ] as const) {
    test(
      `with ${Object.entries(settings).flat().join("=")}`,
      async () => {
        const { name } = await cluster.addTenant(word);
        const [gateway, consumers] = await Promise.all([
          cluster.startGateway(settings),
          cluster.startConsumers([], settings),
        ]);
        const client = cluster.client(gateway.url, name, "ana");
        const contents = range(1, 20).map((i) => ({ text: `${i} é` }));
        const sent = contents.map((content) => client.send("general", content).receipt);
        const durability = (await Promise.all(sent)).map((receipt) => receipt.durability);
        const kept = "EVENT_STORE" in settings ? "outbox" : "log";
        expect([...new Set(durability)]).toEqual([kept]);
        const seen: unknown[] = [];
        for await (const item of client.subscribe("general", { tail: 1_000 }).events())
          if (seen.push(item.event.content) === contents.length) break;
        expect(seen).toEqual(contents);
        expect(await gateway.stop()).toBe(0);
        expect(await consumers.stop()).toBe(0);
      },
      TIMEOUT_MS,
    );
  }
});
