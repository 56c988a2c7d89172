/** Where a tenant's conversations are in the log. Never changes once there are records. */
export interface Placement {
  readonly topic: string;
  /** Whether other tenants' records are in that topic too; keys then carry the tenant. */
  readonly shared: boolean;
  readonly partitions: number;
}

/** What a tenant may use; undefined: what the settings say for all. */
export interface TenantLimits {
  /** Over all gateways together, as is the burst. */
  readonly sendsPerSecond: number | undefined;
  readonly sendsBurst: number | undefined;
  /** Sockets that have authenticated, of each gateway. */
  readonly connections: number | undefined;
}

export const NO_TENANT_LIMITS: TenantLimits = {
  sendsPerSecond: undefined,
  sendsBurst: undefined,
  connections: undefined,
};

/**
 * `suspended`: nobody of it may connect; what was acked is still delivered. `removing`: its topic is
 * about to go, and pools let go of it. `removed`: only its name and its place are remembered.
 */
export const TENANT_STATUSES = ["active", "suspended", "removing", "removed"] as const;
export type TenantStatus = (typeof TENANT_STATUSES)[number];

/** A tenant as the catalog keeps it. */
export interface Tenant {
  readonly name: string;
  readonly plan: string;
  readonly placement: Placement;
  readonly limits: TenantLimits;
  readonly status: TenantStatus;
  /** Milliseconds since 1970. */
  readonly createdAt: number;
}

/** The record key of a conversation under a placement. */
export function recordKey(placement: Placement, tenant: string, conversation: string): string {
  return placement.shared ? `${tenant}/${conversation}` : conversation;
}

/** A key of a shared topic in its two parts; a tenant's name has no slash. Undefined: no such key. */
export function splitSharedKey(
  key: string,
): { readonly tenant: string; readonly conversation: string } | undefined {
  const slash = key.indexOf("/");
  if (slash < 0) return undefined;
  return { tenant: key.slice(0, slash), conversation: key.slice(slash + 1) };
}
