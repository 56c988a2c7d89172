import type { Database, Statement } from "bun:sqlite";
import { RecentMap } from "../../recent-map.ts";
import type { StoreRun } from "./store-run.ts";

/** The end of a conversation's latest epoch. */
export interface ConversationEnd {
  /** What its runs are stored under. */
  readonly id: number;
  /** The row that keeps the end: the conversation's own, or a later copy. */
  row: number;
  readonly tenant: number;
  readonly name: string;
  readonly epoch: string;
  readonly floor: number;
  seqLast: number;
  /** Row of the last run; 0 when there is none yet. */
  runLast: number;
  /** Runs since the last one that is in the index. */
  unmarked: number;
  isStored: boolean;
}

/** A run with the end of its conversation, which the run moves. */
export interface PlannedRun {
  readonly run: StoreRun;
  readonly end: ConversationEnd;
}

/** What a batch does to conversations, before anything is written. */
export interface Plan {
  readonly runs: readonly PlannedRun[];
  /** Each end once; an epoch that begins in the batch has its own. */
  readonly ends: readonly ConversationEnd[];
}

type StoredEnd = Omit<ConversationEnd, "tenant" | "name" | "row" | "isStored">;

const TENANTS_MAX = 10_000;

/** Names as integers, with the ends of their conversations, for the one thread that writes. */
export class StoreConversations {
  readonly #tenants = new RecentMap<string, number>(TENANTS_MAX);
  readonly #ends: RecentMap<string, ConversationEnd>;
  readonly #findTenant: Statement<{ id: number }, [string]>;
  readonly #addTenant: Statement<{ id: number }, [string]>;
  readonly #find: Statement<StoredEnd, [number, string]>;
  readonly #add: Statement<unknown, (string | number)[]>;
  readonly #move: Statement<unknown, [number, number, number, number]>;
  readonly #last: Statement<{ id: number | null }, []>;
  readonly #any: Statement<{ id: number }, [number]>;
  #rowLast = 0;
  hits = 0;
  misses = 0;

  constructor(db: Database, entriesMax: number) {
    this.#ends = new RecentMap(entriesMax);
    this.#findTenant = db.prepare("SELECT id FROM tenants WHERE name = ?");
    this.#addTenant = db.prepare("INSERT INTO tenants (name) VALUES (?) RETURNING id");
    // `+?`: see StoreReader.
    this.#find = db.prepare(`
      SELECT conversation AS id, epoch, floor, seq_last AS seqLast, run_last AS runLast, unmarked
      FROM conversations WHERE tenant = +? AND name = +? ORDER BY rowid DESC LIMIT 1`);
    this.#add = db.prepare("INSERT INTO conversations VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)");
    this.#move = db.prepare(
      "UPDATE conversations SET seq_last = ?, run_last = ?, unmarked = ? WHERE id = ?",
    );
    this.#any = db.prepare("SELECT id FROM conversations WHERE tenant = ? LIMIT 1");
    this.#last = db.prepare("SELECT max(id) AS id FROM conversations");
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Must be called whenever the file is not as this object left it. */
  reload(): void {
    this.#tenants.clear();
    this.#ends.clear();
    this.#rowLast = this.#last.get()?.id ?? 0;
  }

  /** @returns what the runs do, or why they are refused; nothing that is kept has changed yet */
  plan(runs: readonly StoreRun[]): Plan | string {
    const byKey = new Map<string, ConversationEnd>();
    const ends: ConversationEnd[] = [];
    const planned: PlannedRun[] = [];
    for (const run of runs) {
      const tenant = this.#tenant(run.tenant);
      const key = `${tenant} ${run.conversation}`;
      let end = byKey.get(key);
      if (!end) {
        const stored = this.#end(key, tenant, run.conversation);
        if (stored?.epoch === run.epoch) ends.push((end = { ...stored }));
      }
      if (end?.epoch !== run.epoch) ends.push((end = this.#begin(tenant, run)));
      else if (run.seqFirst !== end.seqLast + 1)
        return `seq ${run.seqFirst} does not follow ${end.seqLast}`;
      byKey.set(key, end);
      end.seqLast = run.seqFirst + run.count - 1;
      planned.push({ run, end });
    }
    return { runs: planned, ends };
  }

  hasTenant(name: string): boolean {
    const tenant = this.#findTenant.get(name)?.id;
    return tenant !== undefined && this.#any.get(tenant) !== null;
  }

  /** A conversation whose next event has the seq after this one. */
  addEmpty(
    tenantName: string,
    { conversation, epoch, seq }: { conversation: string; epoch: string; seq: number },
  ): void {
    const end = this.#begin(this.#tenant(tenantName), { conversation, epoch, seqFirst: seq + 1 });
    this.keep([end]);
  }

  /** Writes and keeps the ends of a plan whose runs are written. */
  keep(ends: readonly ConversationEnd[]): void {
    for (const end of ends) {
      const { id, row, tenant, name, epoch, floor, seqLast, runLast, unmarked } = end;
      if (end.isStored) this.#move.run(seqLast, runLast, unmarked, row);
      else this.#add.run(row, id, tenant, name, epoch, floor, seqLast, runLast, unmarked);
      end.isStored = true;
      this.#ends.set(`${tenant} ${name}`, end);
    }
  }

  #begin(
    tenant: number,
    { conversation, epoch, seqFirst }: Pick<StoreRun, "conversation" | "epoch" | "seqFirst">,
  ): ConversationEnd {
    const id = ++this.#rowLast;
    return {
      id,
      row: id,
      tenant,
      name: conversation,
      epoch,
      floor: seqFirst,
      seqLast: seqFirst - 1,
      runLast: 0,
      unmarked: 0,
      isStored: false,
    };
  }

  #tenant(name: string): number {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    const id = (this.#findTenant.get(name) ?? this.#addTenant.get(name))?.id as number;
    this.#tenants.set(name, id);
    return id;
  }

  #end(key: string, tenant: number, name: string): ConversationEnd | null {
    const known = this.#ends.get(key);
    if (known) {
      this.hits++;
      return known;
    }
    this.misses++;
    const stored = this.#find.get(tenant, name);
    // Not the row where it was: the conversations that are active now share few pages that way,
    // instead of each writing a page of its own in every commit.
    return stored && { ...stored, row: ++this.#rowLast, tenant, name, isStored: false };
  }
}
