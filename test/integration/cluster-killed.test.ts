import { expect, test } from "bun:test";
import type { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { Talk } from "../support/cluster/talk.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { startKafka } from "../support/services/kafka.ts";
import { startPostgres } from "../support/services/postgres.ts";
import { startRedis } from "../support/services/redis.ts";

const TIMEOUT_MS = 180_000;

async function hasPlaced({ url }: ClusterProgram): Promise<boolean> {
  const metrics = await (await fetch(`${url}/metrics`)).text();
  return /^tidegate_delivery_placed_total [1-9]/m.test(metrics);
}

test(
  "every receipt is true, and every reader whole, though processes and services are killed and Kafka stands still",
  async () => {
    await using kafka = await startKafka();
    await using postgres = await startPostgres();
    await using redis = await startRedis();
    await using cluster = await TestCluster.create({ kafka, postgres, redis });
    const tenant = (await cluster.addTenant("acme")).name;
    const gateway = await cluster.startGateway();
    const { port } = new URL(gateway.url);
    const killedGateway = await cluster.startGateway({ PORT: port });
    const consumers = [await cluster.startConsumers(), await cluster.startConsumers()];
    const talk = new Talk(cluster, gateway.url, tenant);

    await talk.goesOn("nothing is wrong");
    const placing = await Promise.all(consumers.map((one) => hasPlaced(one)));
    expect(placing.filter(Boolean)).toHaveLength(1);
    await consumers[placing.indexOf(true)]?.stop("SIGKILL");
    await talk.goesOn("a consumers process was killed");
    await killedGateway.stop("SIGKILL");
    await talk.goesOn("a gateway was killed");
    await kafka.pause();
    await talk.isKept();
    await kafka.resume();
    await talk.goesOn("Kafka stood still");
    await talk.isInLog();
    await postgres.kill();
    await talk.goesOn("Postgres was killed");
    expect(await talk.history()).toMatchObject({ code: "store_unavailable", retriable: true });
    await postgres.start();
    await talk.goesOn("Postgres is back");
    await redis.kill();
    await talk.goesOn("Redis was killed");
    await redis.start();
    await talk.goesOn("Redis is back");
    await talk.end();
  },
  TIMEOUT_MS,
);
