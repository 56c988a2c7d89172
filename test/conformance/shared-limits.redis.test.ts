import { freshPrefix, startRedisProcess, type RedisProcess } from "../support/redis/backplane.ts";
import { useRedis } from "../support/services/redis.ts";
import { sharedLimitsConformance } from "./shared-limits.ts";

sharedLimitsConformance("redis", async () => {
  const { url } = await useRedis();
  const prefix = freshPrefix();
  const processes: RedisProcess[] = [];
  return {
    async open() {
      const started = startRedisProcess({ url, prefix });
      processes.push(started);
      await started.backplane.opened();
      return started.backplane.sharedLimits;
    },
    processes: 3,
    async close() {
      for (const { backplane } of processes) await backplane.close();
    },
  };
});
