import type { Limits } from "../../limits.ts";
import type { Rate } from "../../policy/token-bucket.ts";
import type { Clock } from "../../ports/clock.ts";
import type { SharedLimits } from "../../ports/shared-limits.ts";
import type { Fabric } from "./fabric.ts";
import { LeasedBudget, type Grant } from "./leased-budget.ts";

/**
 * A token bucket on Redis' own clock, and the set of those who asked it in the last seconds. A clock
 * that steps back refills nothing. Both keys are of one hash tag and vanish when the bucket is full.
 */
const LEASE = `
local rate, burst, want = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + tonumber(time[2]) / 1000
local kept = redis.call('HMGET', KEYS[1], 'tokens', 'at')
local tokens, at = tonumber(kept[1]) or burst, tonumber(kept[2]) or now
if now > at then tokens = tokens + (now - at) * rate / 1000 end
tokens = math.min(burst, tokens + tonumber(ARGV[6]))
local grant = math.max(0, math.min(want, math.floor(tokens)))
tokens = tokens - grant
redis.call('HSET', KEYS[1], 'tokens', string.format('%.6f', tokens), 'at', string.format('%.3f', now))
local life = math.ceil(burst * 1000 / rate) + 10000
redis.call('PEXPIRE', KEYS[1], life)
redis.call('ZADD', KEYS[2], now, ARGV[4])
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', now - tonumber(ARGV[5]))
redis.call('PEXPIRE', KEYS[2], ARGV[5])
local wait = 0
if grant < 1 then wait = math.ceil((1 - tokens) * 1000 / rate) end
return {grant, redis.call('ZCARD', KEYS[2]), wait}
`;

/** Longer than a lease lives: whoever spends asks at least that often. */
const MEMBER_MS = 6_000;

/** Budgets in Redis. @param member names this process among those who spend */
export function createSharedLimits(
  fabric: Fabric,
  clock: Clock,
  limits: Limits,
  member: string,
): SharedLimits {
  return {
    budget(tenant, name) {
      const place = fabric.names.budget(tenant, name);
      const keys = [place.name, `${place.name}:members`];
      const ask = async (
        tokens: number,
        { perSecond, burst }: Rate,
        back: number,
      ): Promise<Grant> => {
        const rest = [perSecond, burst, tokens, member, MEMBER_MS, back].map(String);
        return readGrant(await fabric.command(place.tag, "EVAL", [LEASE, "2", ...keys, ...rest]));
      };
      return new LeasedBudget({ limits, monotonic: () => clock.monotonic(), ask });
    },
    // The connections are the backplane's.
    close: () => Promise.resolve(),
  };
}

function readGrant(reply: unknown): Grant {
  if (!Array.isArray(reply) || reply.length !== 3)
    throw new TypeError("not the answer of the lease script");
  const [tokens, members, waitMs] = reply.map(Number) as [number, number, number];
  return { tokens, members, waitMs };
}
