import { RecentMap } from "../../recent-map.ts";
import type { PostgresSession } from "./database.ts";
import type { EncodedBatch, Run } from "./store-run.ts";

/** The end of a conversation's latest epoch. */
export interface ConversationEnd {
  readonly id: number;
  readonly epoch: string;
  readonly seq: number;
}

/** A conversation that begins with a run, or begins a new epoch with it. */
export interface NewConversation {
  readonly run: Run;
  id: number;
}

/** What a batch does to conversations, before anything is written. */
export interface Plan {
  /** By run: the row of the conversation that it goes to. */
  readonly rows: readonly (NewConversation | ConversationEnd)[];
  readonly begun: readonly NewConversation[];
  /** By key: where each conversation ends after the batch. */
  readonly ends: ReadonlyMap<string, { readonly row: NewConversation | ConversationEnd; run: Run }>;
}

interface PlaceState {
  readonly ownerEpoch: number;
  readonly nextOffset: number;
  /** Part of its keys: what an earlier state left is never found. */
  readonly era: number;
}

/**
 * Ends of conversations in memory, bounded. They are right as long as nobody else moved the
 * partition, which its owner epoch and offset tell: checked under the row's lock at each commit.
 */
export class StoreEnds {
  readonly #ends: RecentMap<string, ConversationEnd>;
  readonly #places = new Map<number, PlaceState>();
  #eras = 0;
  hits = 0;
  misses = 0;

  constructor(entriesMax: number) {
    this.#ends = new RecentMap(entriesMax);
  }

  get size(): number {
    return this.#ends.size;
  }

  /** What is known of a partition in the state that its locked row has. */
  era(place: number, ownerEpoch: number, nextOffset: number): number {
    const state = this.#places.get(place);
    if (state?.ownerEpoch === ownerEpoch && state.nextOffset === nextOffset) return state.era;
    const era = ++this.#eras;
    this.#places.set(place, { ownerEpoch, nextOffset, era });
    return era;
  }

  /** Takes over what a committed batch did. */
  moved(place: number, era: number, batch: EncodedBatch, plan: Plan): void {
    const { ownerEpoch, nextOffset } = batch;
    this.#places.set(place, { ownerEpoch, nextOffset, era });
    for (const [key, { row, run }] of plan.ends)
      this.#ends.set(key, { id: row.id, epoch: run.epoch, seq: run.seqFirst + run.count - 1 });
  }

  get(key: string): ConversationEnd | undefined {
    return this.#ends.get(key);
  }

  /** Reads the ends that these batches need and that are not in memory. */
  async load(
    session: PostgresSession,
    batches: readonly { readonly era: number; readonly batch: EncodedBatch }[],
  ): Promise<ReadonlyMap<string, ConversationEnd>> {
    const known = new Map<string, ConversationEnd>();
    const missing = new Map<string, Run>();
    for (const { era, batch } of batches) {
      for (const run of batch.runs) {
        const key = endKey(era, run);
        if (known.has(key) || missing.has(key)) continue;
        const end = this.#ends.get(key);
        if (end) known.set(key, end);
        else missing.set(key, run);
      }
    }
    this.hits += known.size;
    this.misses += missing.size;
    if (missing.size === 0) return known;
    const runs = [...missing.values()];
    const rows: (ConversationEnd & { position: number })[] = await session`
      SELECT u.position::int - 1 AS position, c.id::float8 AS id, c.epoch,
        greatest(c.seq_last, r.seq_last)::float8 AS seq
      FROM unnest(
        ${session.array(
          runs.map(({ tenant }) => tenant),
          "TEXT",
        )},
        ${session.array(
          runs.map(({ conversation }) => conversation),
          "TEXT",
        )}
      ) WITH ORDINALITY AS u (tenant, name, position)
      CROSS JOIN LATERAL (SELECT id FROM tenant_names WHERE name = u.tenant) t
      CROSS JOIN LATERAL (
        SELECT id, epoch, seq_last FROM conversations
        WHERE tenant = t.id AND name = u.name ORDER BY tenant DESC, name DESC, id DESC LIMIT 1
      ) c
      LEFT JOIN LATERAL (
        SELECT seq_last FROM runs WHERE conversation = c.id
        ORDER BY conversation DESC, seq_last DESC LIMIT 1
      ) r ON true`;
    const keys = [...missing.keys()];
    for (const { position, id, epoch, seq } of rows)
      known.set(keys[position] as string, { id, epoch, seq });
    return known;
  }
}

/** @returns what the runs do, or why they are refused */
export function planRuns(
  era: number,
  batch: EncodedBatch,
  known: ReadonlyMap<string, ConversationEnd>,
): Plan | string {
  const rows: (NewConversation | ConversationEnd)[] = [];
  const begun: NewConversation[] = [];
  const ends = new Map<string, { row: NewConversation | ConversationEnd; run: Run }>();
  for (const run of batch.runs) {
    const key = endKey(era, run);
    const earlier = ends.get(key);
    const stored = earlier === undefined ? known.get(key) : undefined;
    const epoch = earlier?.run.epoch ?? stored?.epoch;
    const seq = earlier ? earlier.run.seqFirst + earlier.run.count - 1 : stored?.seq;
    let row = earlier?.row ?? stored;
    if (row === undefined || epoch !== run.epoch) {
      const made = { run, id: 0 };
      row = made;
      begun.push(made);
    } else if (run.seqFirst !== (seq as number) + 1)
      return `seq ${run.seqFirst} does not follow ${seq}`;
    rows.push(row);
    ends.set(key, { row, run });
  }
  return { rows, begun, ends };
}

/** The tenant's length keeps apart what a separator could not. */
function endKey(era: number, { tenant, conversation }: Run): string {
  return `${era} ${tenant.length} ${tenant}${conversation}`;
}
