import { NO_TENANT_LIMITS, type TenantLimits } from "./tenants.ts";

/** What a tenant gets when it is added. */
export interface Plan {
  /** Of its own topic; undefined: it lives in one that tenants share. */
  readonly partitions: number | undefined;
  readonly limits: TenantLimits;
  readonly doc: string;
}

const plan = (
  partitions: number | undefined,
  sendsPerSecond: number | undefined,
  connections: number | undefined,
  doc: string,
): Plan => ({
  partitions,
  doc,
  limits: {
    // No burst of its own: it is twice the rate, also when another rate is given.
    ...NO_TENANT_LIMITS,
    sendsPerSecond,
    connections,
  },
});

/**
 * A Kafka cluster holds only so many partitions, so a plan says how many a tenant takes. They are
 * fixed from then on; the limits can be changed for each tenant.
 */
export const PLANS = {
  shared: plan(undefined, 100, 1_000, "In a topic that small tenants share"),
  small: plan(4, 1_000, 10_000, "A topic of its own with few partitions"),
  standard: plan(32, undefined, undefined, "A topic of its own"),
  large: plan(128, undefined, undefined, "A topic of its own for very many consumers"),
} as const satisfies Record<string, Plan>;

export type PlanName = keyof typeof PLANS;

export const DEFAULT_PLAN: PlanName = "standard";

export function isPlan(name: string): name is PlanName {
  return Object.hasOwn(PLANS, name);
}
