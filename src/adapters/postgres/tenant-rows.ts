import type { Tenant, TenantStatus } from "../../tenants.ts";
import type { PostgresSession } from "./database.ts";

/** The channel that the table's trigger notifies; the payload is the schema. */
export const TENANTS_CHANNEL = "tidegate_tenants";

interface TenantRow {
  readonly name: string;
  readonly plan: string;
  readonly topic: string;
  readonly shared: boolean;
  readonly partitions: number;
  readonly status: TenantStatus;
  readonly sends_per_second: number | null;
  readonly sends_burst: number | null;
  readonly connections: number | null;
  readonly created_at: Date;
}

const tenantOf = (row: TenantRow): Tenant => ({
  name: row.name,
  plan: row.plan,
  placement: { topic: row.topic, shared: row.shared, partitions: row.partitions },
  limits: {
    sendsPerSecond: row.sends_per_second ?? undefined,
    sendsBurst: row.sends_burst ?? undefined,
    connections: row.connections ?? undefined,
  },
  status: row.status,
  createdAt: row.created_at.getTime(),
});

/** Rises with every change of the table. */
export async function readVersion(session: PostgresSession): Promise<number> {
  const rows: { version: string }[] = await session`SELECT version::text FROM tenants_version`;
  return Number(rows[0]?.version);
}

/** Every tenant there is or was, by name. */
export async function readTenants(session: PostgresSession): Promise<readonly Tenant[]> {
  const rows: TenantRow[] = await session`SELECT * FROM tenants ORDER BY name`;
  return rows.map(tenantOf);
}

export async function readTenant(
  session: PostgresSession,
  name: string,
): Promise<Tenant | undefined> {
  const rows: TenantRow[] = await session`SELECT * FROM tenants WHERE name = ${name}`;
  return rows[0] && tenantOf(rows[0]);
}

/** The same, which nobody else changes until the transaction ends. */
export async function lockTenant(
  session: PostgresSession,
  name: string,
): Promise<Tenant | undefined> {
  const rows: TenantRow[] = await session`SELECT * FROM tenants WHERE name = ${name} FOR UPDATE`;
  return rows[0] && tenantOf(rows[0]);
}
