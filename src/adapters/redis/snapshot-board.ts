import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import type { Snapshot, SnapshotBoard } from "../../ports/snapshot-board.ts";
import type { Fabric } from "./fabric.ts";

/** Names by the time of their last put, on Redis' own clock: those of the processes differ. */
const PUT = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
redis.call('ZADD', KEYS[1], now, ARGV[1])
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', now - tonumber(ARGV[3]))
redis.call('ZREMRANGEBYRANK', KEYS[1], 0, -tonumber(ARGV[4]) - 1)
redis.call('PEXPIRE', KEYS[1], ARGV[3])
return now
`;

const NAMES = `
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
local named = redis.call('ZRANGE', KEYS[1], 0, -1, 'WITHSCORES')
for i = 2, #named, 2 do named[i] = now - tonumber(named[i]) end
return named
`;

/** A board in Redis: a key for each text, which expires by itself, and one list of their names. */
export function createSnapshotBoard(
  fabric: Fabric,
  limits: Pick<Limits, "snapshotTtlMs" | "snapshotsMax" | "snapshotCharsMax">,
): SnapshotBoard {
  const { tag, name: index } = fabric.names.snapshots();
  const { snapshotTtlMs, snapshotsMax, snapshotCharsMax } = limits;
  const keyOf = (name: string): string => `${index}:${encodeURIComponent(name.toWellFormed())}`;
  return {
    async put(name, text) {
      if (text.length > snapshotCharsMax)
        throw new AppError("overloaded", "the snapshot is too long", { limit: snapshotCharsMax });
      const rest = [name, text, String(snapshotTtlMs), String(snapshotsMax)];
      await fabric.command(tag, "EVAL", [PUT, "2", index, keyOf(name), ...rest]);
    },
    async all() {
      const named = (await fabric.command(tag, "EVAL", [NAMES, "1", index])) as (string | number)[];
      const ages = new Map<string, number>();
      for (let i = 0; i + 1 < named.length; i += 2)
        ages.set(String(named[i]), Number(named[i + 1]));
      if (ages.size === 0) return [];
      const keys = [...ages.keys()].map(keyOf);
      const texts = (await fabric.command(tag, "MGET", keys)) as (string | null)[];
      return [...ages].flatMap(([name, ageMs], i): Snapshot[] => {
        const text = texts[i];
        return typeof text === "string" ? [{ name, text, ageMs: Math.max(0, ageMs) }] : [];
      });
    },
    async remove(name) {
      await fabric.command(tag, "ZREM", [index, name]);
      await fabric.command(tag, "DEL", [keyOf(name)]);
    },
  };
}
