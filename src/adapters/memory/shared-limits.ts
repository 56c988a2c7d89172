import { fullBucket, takeTokens, type TokenBucket } from "../../policy/token-bucket.ts";
import type { SharedLimits } from "../../ports/shared-limits.ts";

/** Budgets of one process that is alone. */
export function createMemorySharedLimits(): SharedLimits {
  const buckets = new Map<string, TokenBucket>();
  return {
    budget(tenant, name) {
      const key = JSON.stringify([tenant, name]);
      return {
        take(now, rate) {
          let bucket = buckets.get(key);
          if (bucket === undefined) buckets.set(key, (bucket = fullBucket(rate, now)));
          return takeTokens(bucket, rate, now);
        },
      };
    },
    close: () => Promise.resolve(),
  };
}
