import { Registry, type Counter as PromCounter } from "prom-client";
import { Family } from "./family.ts";

/** What one tenant has done in this process. */
export interface TenantTotals {
  readonly name: string;
  readonly sends: number;
  readonly sendCharacters: number;
  readonly rateLimited: number;
  readonly delivered: number;
  readonly connections: number;
}

const COUNTERS = [
  ["tidegate_tenant_sends_total", "Messages handed to the log, by tenant", "sends"],
  [
    "tidegate_tenant_send_characters_total",
    "Characters of the records handed to the log, by tenant",
    "sendCharacters",
  ],
  [
    "tidegate_tenant_rate_limited_total",
    "Messages refused because a rate was spent, by tenant",
    "rateLimited",
  ],
  ["tidegate_tenant_delivered_total", "Events handed to sockets live, by tenant", "delivered"],
] as const;

/**
 * The exposition of the busiest tenants by messages in and out. Each one's totals only rise; a tenant
 * that leaves the list and comes back goes on where it was.
 *
 * @param max tenants that are listed
 */
export async function renderTenants(
  totals: readonly TenantTotals[],
  max: number,
): Promise<{ readonly contentType: string; readonly text: string }> {
  const registry = new Registry();
  const work = ({ sends, delivered, rateLimited }: TenantTotals): number =>
    sends + delivered + rateLimited;
  const busiest = totals.toSorted((a, b) => work(b) - work(a)).slice(0, max);
  const add = (
    type: "counter" | "gauge",
    name: string,
    help: string,
    of: (tenant: TenantTotals) => number,
  ): void => {
    const family = new Family(type, { name, help }, max);
    family.readings = () =>
      busiest.map((tenant) => ({ labels: { tenant: tenant.name }, value: of(tenant) }));
    registry.registerMetric(family as unknown as PromCounter);
  };
  for (const [name, help, field] of COUNTERS) add("counter", name, help, (one) => one[field]);
  add(
    "gauge",
    "tidegate_tenant_connections",
    "Sockets that have authenticated, by tenant",
    ({ connections }) => connections,
  );
  const tenants = new Family("gauge", { name: "tidegate_tenants", help: "Tenants seen here" }, 1);
  tenants.readings = () => [{ labels: {}, value: totals.length }];
  registry.registerMetric(tenants as unknown as PromCounter);
  return { contentType: registry.contentType, text: await registry.metrics() };
}
