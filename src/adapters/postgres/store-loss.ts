import { AppError } from "../../errors.ts";
import type { AcceptedLoss } from "../../ports/message-store.ts";
import type { PostgresSession } from "./database.ts";

/** As long as the conversations of a partition take; nobody else needs it meanwhile. */
export const LOSS_TIMEOUT_MS = 600_000;
const EPOCH_BYTES = 10;

interface LockedRow {
  readonly place: number;
  readonly incarnation: string | null;
  readonly next_offset: number;
  readonly owner_epoch: number;
}

/**
 * Sets a partition to what its log has now, and gives each of its conversations another epoch, so
 * that readers start over. What is stored stays, with its seqs: the next event follows it.
 *
 * Where offsets begin again, the partition gets another place: rows of both must not meet in the
 * feed, in the window or under an id.
 *
 * @returns conversations that have another epoch now
 * @throws fenced: somebody else took the partition
 */
export async function applyLoss(
  session: PostgresSession,
  cluster: string,
  loss: AcceptedLoss,
): Promise<number> {
  const { topic, partition, incarnation, nextOffset, lastId } = loss;
  await session.unsafe(`SET LOCAL statement_timeout = ${LOSS_TIMEOUT_MS}`);
  const rows: LockedRow[] = await session`
    SELECT place, incarnation, next_offset::float8 AS next_offset,
      owner_epoch::float8 AS owner_epoch
    FROM consumer_offsets
    WHERE cluster = ${cluster} AND topic = ${topic} AND partition = ${partition} FOR UPDATE`;
  const [row] = rows;
  if (row?.owner_epoch !== loss.ownerEpoch) throw new AppError("fenced");
  const goesOn = row.incarnation === incarnation && row.next_offset <= nextOffset;
  const place = goesOn ? row.place : await replacePlace(session, cluster, loss, row.place);
  await session`
    UPDATE consumer_offsets
    SET place = ${place}, incarnation = ${incarnation}, next_offset = ${nextOffset},
      last_id = ${lastId}
    WHERE cluster = ${cluster} AND topic = ${topic} AND partition = ${partition}`;
  const { count }: { count: number } = await session`
    UPDATE conversations SET place = ${place}, epoch = ${makeEpoch()}
    WHERE id IN (
      SELECT DISTINCT ON (tenant, name) id FROM conversations
      WHERE place = ${row.place} ORDER BY tenant, name, id DESC
    )`;
  return count;
}

async function replacePlace(
  session: PostgresSession,
  cluster: string,
  { topic, partition }: AcceptedLoss,
  old: number,
): Promise<number> {
  await session`
    INSERT INTO retired_places (place, partition, cluster, topic)
    VALUES (${old}, ${partition}, ${cluster}, ${topic})`;
  const [row]: [{ place: number }] = await session`
    SELECT nextval(pg_get_serial_sequence('consumer_offsets', 'place'))::int AS place`;
  return row.place;
}

/** Random, since the log may mint those again that it minted for what is lost. */
function makeEpoch(): string {
  return `x${Buffer.from(crypto.getRandomValues(new Uint8Array(EPOCH_BYTES))).toString("hex")}`;
}
