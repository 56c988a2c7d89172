/** Where a tenant's conversations are in the log. Never changes once there are records. */
export interface Placement {
  readonly topic: string;
  /** Whether other tenants' records are in that topic too; keys then carry the tenant. */
  readonly shared: boolean;
  readonly partitions: number;
}

/** The record key of a conversation under a placement. */
export function recordKey(placement: Placement, tenant: string, conversation: string): string {
  return placement.shared ? `${tenant}/${conversation}` : conversation;
}
