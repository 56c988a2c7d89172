import { afterAll } from "bun:test";
import { freshPrefix, startRedisProcess } from "../support/redis/backplane.ts";
import { startRedis, useRedis } from "../support/services/redis.ts";
import { backplaneConformance } from "./backplane.ts";

backplaneConformance("redis", async () => {
  const { url } = await useRedis();
  const { backplane } = startRedisProcess({ url, prefix: freshPrefix() });
  await backplane.opened();
  return backplane;
});

backplaneConformance("redis with several channels a partition", async () => {
  const { url } = await useRedis();
  const { backplane } = startRedisProcess({ url, prefix: freshPrefix(), lanes: 16 });
  await backplane.opened();
  return backplane;
});

const cluster = await startRedis({ mode: "cluster" });
afterAll(() => cluster.stop());

backplaneConformance("redis cluster", async () => {
  const url = `redis+cluster://${cluster.nodes.join(",")}`;
  const { backplane } = startRedisProcess({ url, prefix: freshPrefix() });
  await backplane.opened();
  return backplane;
});
