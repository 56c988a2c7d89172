import { RecentMap } from "../../recent-map.ts";
import type { PostgresDatabase, PostgresSession } from "./database.ts";
import type { NewConversation } from "./store-ends.ts";
import type { EncodedBatch } from "./store-run.ts";

interface TenantRow {
  readonly id: number;
  readonly name: string;
}

/** Tenants as integers; they never change. */
export class StoreNames {
  readonly #tenants: RecentMap<string, number>;

  constructor(tenantsMax: number) {
    this.#tenants = new RecentMap(tenantsMax);
  }

  /**
   * Gives tenants that have none an integer, in a statement of its own: what a transaction made and
   * rolled back must not be remembered.
   */
  async intern(database: PostgresDatabase, batches: readonly EncodedBatch[]): Promise<void> {
    const unknown = new Set<string>();
    for (const { runs } of batches)
      for (const { tenant } of runs)
        if (this.#tenants.get(tenant) === undefined) unknown.add(tenant);
    if (unknown.size === 0) return;
    // In one order for everybody: two statements must not wait for each other.
    const names = [...unknown].toSorted();
    const rows = await database.use(async (session) => {
      const list = session.array(names, "TEXT");
      const found: TenantRow[] = await session`
        SELECT id, name FROM tenant_names WHERE name = ANY(${list})`;
      if (found.length === names.length) return found;
      await session`INSERT INTO tenant_names (name) SELECT unnest(${list}) ON CONFLICT DO NOTHING`;
      const all: TenantRow[] = await session`
        SELECT id, name FROM tenant_names WHERE name = ANY(${list})`;
      return all;
    });
    for (const { id, name } of rows) this.#tenants.set(name, id);
  }

  tenant(name: string): number | undefined {
    return this.#tenants.get(name);
  }
}

/** Makes the rows of conversations that begin, and sets their ids. */
export async function insertConversations(
  session: PostgresSession,
  begun: readonly { readonly place: number; readonly row: NewConversation }[],
  names: StoreNames,
): Promise<void> {
  if (begun.length === 0) return;
  const rows: { id: number; position: number }[] = await session`
    WITH made AS (
      SELECT nextval(pg_get_serial_sequence('conversations', 'id')) AS id, u.*
      FROM unnest(
        ${session.array(
          begun.map(({ place }) => place),
          "INT",
        )},
        ${session.array(
          begun.map(({ row }) => names.tenant(row.run.tenant) as number),
          "INT",
        )},
        ${session.array(
          begun.map(({ row }) => row.run.seqFirst),
          "BIGINT",
        )},
        ${session.array(
          begun.map(({ row }) => row.run.conversation),
          "TEXT",
        )},
        ${session.array(
          begun.map(({ row }) => row.run.epoch),
          "TEXT",
        )}
      ) WITH ORDINALITY AS u (place, tenant, seq, name, epoch, position)
    ), added AS (
      INSERT INTO conversations (id, floor, seq_last, tenant, place, name, epoch)
      OVERRIDING SYSTEM VALUE
      SELECT id, seq, seq - 1, tenant, place, name, epoch FROM made
    )
    SELECT id::float8 AS id, position::int - 1 AS position FROM made ORDER BY position`;
  for (const { id, position } of rows) {
    const entry = begun[position];
    if (entry) entry.row.id = id;
  }
}
