import { expect, test } from "bun:test";
import { limitsWith } from "../../src/limits.ts";
import type { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { Talk } from "../support/cluster/talk.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { startKafka } from "../support/services/kafka.ts";
import { startPostgres } from "../support/services/postgres.ts";
import { startRedis } from "../support/services/redis.ts";

const TIMEOUT_MS = 240_000;
/** What a busy machine adds to the end of a process. */
const SLACK_MS = 3_000;

test(
  "gateways and consumers that are told to leave while a service is away do so in time, and nothing acked is missing",
  async () => {
    await using kafka = await startKafka();
    await using postgres = await startPostgres();
    await using redis = await startRedis();
    await using cluster = await TestCluster.create({ kafka, postgres, redis });
    const tenant = (await cluster.addTenant("acme")).name;
    const gateway = await cluster.startGateway();
    const { port } = new URL(gateway.url);
    await cluster.startConsumers();
    const talk = new Talk(cluster, gateway.url, tenant);
    await talk.goesOn("nothing is wrong");

    const leave = async (leavers: readonly ClusterProgram[]): Promise<void> => {
      const startedAt = performance.now();
      const codes = await Promise.all(leavers.map((one) => one.stop()));
      const ms = performance.now() - startedAt;
      expect(codes).toEqual([0, 0]);
      expect(ms).toBeLessThan(limitsWith().drainDeadlineMs + SLACK_MS);
    };
    for (const [service, goes, comes] of [
      ["Kafka", () => kafka.pause(), () => kafka.resume()],
      ["Postgres", () => postgres.kill(), () => postgres.start()],
      ["Redis", () => redis.kill(), () => redis.start()],
    ] as const) {
      const leavers = [await cluster.startGateway({ PORT: port }), await cluster.startConsumers()];
      await talk.goesOn(`before ${service} goes away`);
      await goes();
      if (service === "Kafka") await talk.isKept();
      await leave(leavers);
      await comes();
      await talk.goesOn(`${service} is back`);
    }
    await talk.isInLog();
    await talk.end();
  },
  TIMEOUT_MS,
);
