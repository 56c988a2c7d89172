import type { Tenant } from "../../tenants.ts";
import type { PostgresDatabase } from "./database.ts";
import { storedName } from "./store-name.ts";

/** Rows that one transaction deletes: a large tenant must not hold its locks for minutes. */
const ROWS_AT_ONCE = 5_000;

/**
 * Deletes all that the store has of a tenant. Nobody may deliver to it any more. May be called again
 * after it failed.
 * @param cluster the one that the offsets belong to
 */
export async function deleteTenantRows(
  database: PostgresDatabase,
  cluster: string,
  tenant: Tenant,
): Promise<void> {
  const name = storedName(tenant.name);
  await repeat(
    database,
    (session) => session`
    DELETE FROM runs WHERE ctid = ANY (ARRAY(
      SELECT runs.ctid FROM runs
      JOIN conversations ON conversations.id = runs.conversation
      JOIN tenant_names ON tenant_names.id = conversations.tenant
      WHERE tenant_names.name = ${name} LIMIT ${ROWS_AT_ONCE}))`,
  );
  await repeat(
    database,
    (session) => session`
    DELETE FROM conversations WHERE ctid = ANY (ARRAY(
      SELECT conversations.ctid FROM conversations
      JOIN tenant_names ON tenant_names.id = conversations.tenant
      WHERE tenant_names.name = ${name} LIMIT ${ROWS_AT_ONCE}))`,
  );
  if (tenant.placement.shared) return;
  const { topic } = tenant.placement;
  for (const table of ["id_blocks", "batches"] as const)
    await repeat(
      database,
      (session) => session`
      DELETE FROM ${session(table)} WHERE ctid = ANY (ARRAY(
        SELECT one.ctid FROM ${session(table)} AS one
        JOIN consumer_offsets USING (place)
        WHERE cluster = ${cluster} AND topic = ${topic} LIMIT ${ROWS_AT_ONCE}))`,
    );
  await database.use(async (session) => {
    await session`DELETE FROM consumer_offsets WHERE cluster = ${cluster} AND topic = ${topic}`;
  });
}

type Session = Parameters<Parameters<PostgresDatabase["use"]>[0]>[0];

async function repeat(
  database: PostgresDatabase,
  step: (session: Session) => Promise<{ readonly count: number }>,
): Promise<void> {
  for (;;) {
    const { count } = await database.use(step);
    if (count < ROWS_AT_ONCE) return;
  }
}
