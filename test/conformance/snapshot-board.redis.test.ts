import { freshPrefix, startRedisProcess, type RedisProcess } from "../support/redis/backplane.ts";
import { useRedis } from "../support/services/redis.ts";
import { snapshotBoardConformance } from "./snapshot-board.ts";

snapshotBoardConformance("redis", async (limits) => {
  const { url } = await useRedis();
  const processes: RedisProcess[] = [];
  const names = new Set<string>();
  const open = async (prefix: string) => {
    const started = startRedisProcess({ url, prefix }, limits);
    processes.push(started);
    await started.backplane.opened();
    const { snapshots } = started.backplane;
    return {
      ...snapshots,
      put(name: string, text: string) {
        names.add(name);
        return snapshots.put(name, text);
      },
    };
  };
  const prefix = freshPrefix();
  return {
    open: () => open(prefix),
    foreign: () => open(freshPrefix()),
    async close() {
      for (const { backplane } of processes) {
        for (const name of names) await backplane.snapshots.remove(name);
        await backplane.close();
      }
    },
  };
});
