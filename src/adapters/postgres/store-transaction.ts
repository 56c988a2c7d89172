import { AppError } from "../../errors.ts";
import { CopyBuffer } from "./copy-buffer.ts";
import type { PostgresDatabase, PostgresSession } from "./database.ts";
import { copyIds, copyRuns } from "./store-copy.ts";
import { type ConversationEnd, type Plan, planRuns, StoreEnds } from "./store-ends.ts";
import type { StoreIdIndex } from "./store-id-index.ts";
import { insertConversations, StoreNames } from "./store-names.ts";
import type { EncodedBatch } from "./store-run.ts";

/** The row of a partition, locked. */
interface OffsetRow {
  readonly position: number;
  readonly place: number;
  readonly incarnation: string | null;
  readonly next_offset: number;
  readonly owner_epoch: number;
}

interface Accepted {
  readonly place: number;
  readonly era: number;
  readonly batch: EncodedBatch;
}

interface Planned extends Accepted {
  readonly plan: Plan;
}

const TENANTS_MAX = 10_000;
/** What a burst left behind is given back. */
const BUFFER_BYTES_KEPT = 16 * 1024 * 1024;

export interface StoreTransactionOptions {
  readonly database: PostgresDatabase;
  readonly cluster: string;
  readonly ids: StoreIdIndex;
  /** Conversations whose end is kept in memory. */
  readonly conversationsMax: number;
  /** Time for all of one transaction. */
  readonly deadlineMs: number;
}

/** Applies batches of different partitions in one transaction; each one's faults are its own. */
export class StoreTransaction {
  readonly ends: StoreEnds;
  readonly #database: PostgresDatabase;
  readonly #cluster: string;
  readonly #ids: StoreIdIndex;
  readonly #names = new StoreNames(TENANTS_MAX);
  readonly #buffers: CopyBuffer[] = [];
  readonly #deadlineMs: number;

  constructor(options: StoreTransactionOptions) {
    this.#database = options.database;
    this.#cluster = options.cluster;
    this.#ids = options.ids;
    this.#deadlineMs = options.deadlineMs;
    this.ends = new StoreEnds(options.conversationsMax);
  }

  /**
   * @returns by batch: undefined, or why it was not applied
   * @throws when none of them was applied, or nobody knows
   */
  async apply(batches: readonly EncodedBatch[]): Promise<readonly (AppError | undefined)[]> {
    const outcomes = batches.map((): AppError | undefined => undefined);
    await this.#names.intern(this.#database, batches);
    const apply = async (session: PostgresSession): Promise<readonly Planned[]> => {
      const accepted = await this.#lock(session, batches, outcomes);
      const known = await this.ends.load(session, accepted);
      const planned = planAll(accepted, known, batches, outcomes);
      await this.#write(session, planned);
      return planned;
    };
    const planned = await this.#database.transaction(apply, { deadlineMs: this.#deadlineMs });
    for (const { place, era, batch, plan } of planned) this.ends.moved(place, era, batch, plan);
    return outcomes;
  }

  /** In one order for everybody, so that two groups never wait for each other. */
  async #lock(
    session: PostgresSession,
    batches: readonly EncodedBatch[],
    outcomes: (AppError | undefined)[],
  ): Promise<readonly Accepted[]> {
    const rows: OffsetRow[] = await session`
      SELECT u.position::int - 1 AS position, o.place, o.incarnation,
        o.next_offset::float8 AS next_offset, o.owner_epoch::float8 AS owner_epoch
      FROM consumer_offsets o
      JOIN unnest(
        ${session.array(
          batches.map(({ topic }) => topic),
          "TEXT",
        )},
        ${session.array(
          batches.map(({ partition }) => partition),
          "INT",
        )}
      ) WITH ORDINALITY AS u (topic, partition, position)
        ON o.topic = u.topic AND o.partition = u.partition
      WHERE o.cluster = ${this.#cluster}
      ORDER BY o.topic, o.partition
      FOR UPDATE OF o`;
    const byPosition = new Map(rows.map((row) => [row.position, row]));
    const accepted: Accepted[] = [];
    batches.forEach((batch, i) => {
      const row = byPosition.get(i);
      const fault = offsetFault(row, batch);
      if (fault) outcomes[i] = fault;
      else if (row) {
        const { place } = row;
        const era = this.ends.era(place, batch.ownerEpoch, batch.expectedOffset);
        accepted.push({ place, era, batch });
      }
    });
    return accepted;
  }

  async #write(session: PostgresSession, planned: readonly Planned[]): Promise<void> {
    if (planned.length === 0) return;
    await this.#ids.load(session, planned);
    await insertConversations(
      session,
      planned.flatMap(({ place, plan }) => plan.begun.map((row) => ({ place, row }))),
      this.#names,
    );
    const withEvents = planned.filter(({ batch }) => batch.events > 0);
    if (withEvents.length > 0) {
      const buffer = this.#buffers.pop() ?? new CopyBuffer();
      await copyIds(session, buffer, withEvents, this.#ids);
      await copyRuns(session, buffer, withEvents);
      // Not after a failure: the connection may still be reading it.
      if (buffer.capacity <= BUFFER_BYTES_KEPT) this.#buffers.push(buffer);
    }
    await session`
      UPDATE consumer_offsets o
      SET incarnation = u.incarnation, next_offset = u.next_offset, last_id = u.last_id
      FROM unnest(
        ${session.array(
          planned.map(({ batch }) => batch.topic),
          "TEXT",
        )},
        ${session.array(
          planned.map(({ batch }) => batch.partition),
          "INT",
        )},
        ${session.array(
          planned.map(({ batch }) => batch.incarnation),
          "TEXT",
        )},
        ${session.array(
          planned.map(({ batch }) => batch.nextOffset),
          "BIGINT",
        )},
        ${session.array(
          planned.map(({ batch }) => batch.lastId),
          "TEXT",
        )}
      ) AS u (topic, partition, incarnation, next_offset, last_id)
      WHERE o.cluster = ${this.#cluster} AND o.topic = u.topic AND o.partition = u.partition`;
  }
}

function offsetFault(row: OffsetRow | undefined, batch: EncodedBatch): AppError | undefined {
  if (row?.owner_epoch !== batch.ownerEpoch) return new AppError("fenced");
  if (row.incarnation !== null && row.incarnation !== batch.incarnation)
    return new AppError("topic_recreated");
  if (row.next_offset !== batch.expectedOffset)
    return new AppError(
      "offset_mismatch",
      `The stored offset is ${row.next_offset}, not ${batch.expectedOffset}`,
    );
  return undefined;
}

function planAll(
  accepted: readonly Accepted[],
  known: ReadonlyMap<string, ConversationEnd>,
  batches: readonly EncodedBatch[],
  outcomes: (AppError | undefined)[],
): readonly Planned[] {
  const planned: Planned[] = [];
  for (const each of accepted) {
    const plan = planRuns(each.era, each.batch, known);
    if (typeof plan === "string") outcomes[batches.indexOf(each.batch)] = rowRefused(plan);
    else planned.push({ ...each, plan });
  }
  return planned;
}

/** The batch that holds data the store cannot take. */
export function rowRefused(fault: string): AppError {
  return new AppError("row_refused", `The store refuses a row: ${fault}`);
}
