import type { ConversationHead } from "../../ports/message-import.ts";
import type {
  HeadRange,
  HistoryPage,
  HistoryRange,
  StoredEvent,
} from "../../ports/message-store.ts";
import type { PostgresSession } from "./database.ts";
import { decodeEvents, decodeMeta } from "./store-meta.ts";
import { nameOf, storedName } from "./store-name.ts";
import { RUN_EVENTS_MAX } from "./store-run.ts";

interface HeadRow extends HeadRange {
  readonly position: number;
}

interface PageRow extends HeadRange {
  readonly seq_last: number | null;
  readonly batch_end: number;
  readonly meta: Buffer;
  readonly events: Buffer;
}

const NOTHING: HistoryPage = { epoch: "", seq: 0, floor: 1, events: [] };

/** Heads of those conversations that have one, by name. */
export async function readHeads(
  session: PostgresSession,
  tenant: string,
  conversations: readonly string[],
): Promise<ReadonlyMap<string, HeadRange>> {
  const names = session.array(conversations.map(storedName), "TEXT");
  const rows: HeadRow[] = await session`
    SELECT u.position::int - 1 AS position, c.epoch, c.floor::float8 AS floor,
      greatest(c.seq_last, r.seq_last)::float8 AS seq
    FROM (SELECT id FROM tenant_names WHERE name = ${storedName(tenant)}) t
    CROSS JOIN unnest(${names}) WITH ORDINALITY AS u (name, position)
    CROSS JOIN LATERAL (
      SELECT id, epoch, floor, seq_last FROM conversations
      WHERE tenant = t.id AND name = u.name ORDER BY tenant DESC, name DESC, id DESC LIMIT 1
    ) c
    LEFT JOIN LATERAL (
      SELECT seq_last FROM runs WHERE conversation = c.id
      ORDER BY conversation DESC, seq_last DESC LIMIT 1
    ) r ON true
    ORDER BY u.position`;
  return new Map(
    rows.map(({ position, epoch, seq, floor }) => [
      conversations[position] as string,
      { epoch: nameOf(epoch), seq, floor },
    ]),
  );
}

/** A tenant's conversations in the order of their stored names. */
export async function readConversations(
  session: PostgresSession,
  tenant: string,
  after: string,
  max: number,
): Promise<readonly ConversationHead[]> {
  const rows: (HeadRange & { readonly name: string })[] = await session`
    SELECT c.name, c.epoch, c.floor::float8 AS floor,
      greatest(c.seq_last, r.seq_last)::float8 AS seq
    FROM (SELECT id FROM tenant_names WHERE name = ${storedName(tenant)}) t
    CROSS JOIN LATERAL (
      SELECT DISTINCT ON (name) id, name, epoch, floor, seq_last FROM conversations
      WHERE tenant = t.id AND name > ${storedName(after)} ORDER BY name, id DESC LIMIT ${max}
    ) c
    LEFT JOIN LATERAL (
      SELECT seq_last FROM runs WHERE conversation = c.id
      ORDER BY conversation DESC, seq_last DESC LIMIT 1
    ) r ON true
    ORDER BY c.name`;
  return rows.map(({ name, epoch, floor, seq }) => ({
    conversation: nameOf(name),
    epoch: nameOf(epoch),
    seq,
    floor,
  }));
}

/**
 * A page in one statement, so head, floor and events are of one snapshot. The server leaves out the
 * runs that the page will not reach; of the first and the last one, events are cut here.
 */
export async function readHistory(
  session: PostgresSession,
  range: HistoryRange,
): Promise<HistoryPage> {
  const rows = await readRuns(session, range);
  const [first] = rows;
  if (!first) return NOTHING;
  const { epoch, seq, floor } = first;
  const events: StoredEvent[] = [];
  const from = Math.max(range.from, floor);
  const to = Math.min(range.to, seq);
  let chars = 0;
  let full = false;
  for (const row of rows) {
    if (row.seq_last === null || full) break;
    for (const event of eventsOf(row, range.order)) {
      if (event.seq < from || event.seq > to) continue;
      chars += event.event.length;
      full =
        events.length >= range.eventsMax || (events.length > 0 && chars > range.charsMax) || full;
      if (full) break;
      events.push(event);
    }
  }
  if (range.order === "down") events.reverse();
  return { epoch: nameOf(epoch), seq, floor, events };
}

function eventsOf(row: PageRow, order: HistoryRange["order"]): StoredEvent[] {
  const texts = decodeEvents(row.events, decodeMeta(row.meta, row.batch_end));
  const seqFirst = (row.seq_last as number) - texts.length + 1;
  const events = texts.map((event, i) => ({ seq: seqFirst + i, event }));
  return order === "up" ? events : events.reverse();
}

/** A row for each run of the page in its order; one without run when there is none. */
function readRuns(session: PostgresSession, range: HistoryRange): Promise<PageRow[]> {
  const order = session.unsafe(range.order === "up" ? "ASC" : "DESC");
  const { from, to, eventsMax, charsMax } = range;
  // A run that holds `to` ends this far after it at most. The sums are of the runs before, and of
  // the characters only those that are surely all in the page.
  return session`
    WITH c AS (
      SELECT c.id, c.epoch, c.floor, greatest(c.seq_last, (
        SELECT r.seq_last FROM runs r WHERE r.conversation = c.id
        ORDER BY r.conversation DESC, r.seq_last DESC LIMIT 1
      )) AS seq
      FROM tenant_names t
      CROSS JOIN LATERAL (
        SELECT * FROM conversations
        WHERE tenant = t.id AND name = ${storedName(range.conversation)}
        ORDER BY tenant DESC, name DESC, id DESC LIMIT 1
      ) c
      WHERE t.name = ${storedName(range.tenant)}
    )
    SELECT c.epoch, c.floor::float8 AS floor, c.seq::float8 AS seq,
      p.seq_last::float8 AS seq_last, p.batch_end::float8 AS batch_end, p.meta, p.events
    FROM c LEFT JOIN LATERAL (
      SELECT * FROM (
        SELECT r.*,
          sum(least(seq_last, ${to}::bigint)
            - greatest(seq_last - seq_count + 1, ${from}::bigint, c.floor) + 1) OVER earlier
            AS events_before,
          sum(CASE WHEN seq_last <= ${to}::bigint AND seq_last - seq_count >= ${from}::bigint - 1
            THEN chars ELSE 0 END) OVER earlier AS chars_before
        FROM (
          SELECT * FROM runs
          WHERE conversation = c.id AND seq_last >= greatest(${from}::bigint, c.floor)
            AND seq_last < ${to}::bigint + ${RUN_EVENTS_MAX}::int
            AND seq_last - seq_count < ${to}::bigint
          ORDER BY conversation ${order}, seq_last ${order} LIMIT ${eventsMax}::int + 1
        ) r
        WINDOW earlier AS (
          ORDER BY seq_last ${order} ROWS BETWEEN UNBOUNDED PRECEDING AND 1 PRECEDING
        )
      ) w
      WHERE coalesce(events_before, 0) < ${eventsMax}::int
        AND coalesce(chars_before, 0) <= ${charsMax}::bigint
    ) p ON true
    ORDER BY p.seq_last ${order}`;
}
