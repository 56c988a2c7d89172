import { EDGE_LIMITS } from "./limits/edge.ts";
import { LOG_LIMITS } from "./limits/log.ts";
import { POOL_LIMITS } from "./limits/pools.ts";

/** Every bound there is. `docs/reference/limits.md` is made from this table. */
export const LIMIT_TABLE = { ...EDGE_LIMITS, ...LOG_LIMITS, ...POOL_LIMITS } as const;

export type LimitName = keyof typeof LIMIT_TABLE;

/** The values alone, by name: what the code takes, so that a test can pass smaller ones. */
export type Limits = { readonly [K in LimitName]: number };

/** The values of {@link LIMIT_TABLE}, with some of them replaced. */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  const values: Record<string, number> = {};
  for (const [name, entry] of Object.entries(LIMIT_TABLE)) values[name] = entry.value;
  return { ...(values as Limits), ...changes };
}
