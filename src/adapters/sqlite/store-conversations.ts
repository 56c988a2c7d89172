import type { Database, Statement } from "bun:sqlite";
import { RecentMap } from "./recent-map.ts";
import type { StoreRun } from "./store-run.ts";

/** What the writer knows of a conversation; id 0: there is none yet. */
interface ConversationEnd {
  id: number;
  epoch: string;
  seqLast: number;
}

interface Undo extends ConversationEnd {
  readonly end: ConversationEnd;
}

/** A run with its row's key, and whether its conversation's row has to be made first. */
export interface PlannedRun {
  readonly run: StoreRun;
  readonly conversation: number;
  readonly tenant: number;
  readonly isNew: boolean;
}

const TENANTS_MAX = 10_000;

/** Names as integers, with the ends of their conversations, for the one thread that writes. */
export class StoreConversations {
  readonly #tenants = new RecentMap<string, number>(TENANTS_MAX);
  readonly #ends: RecentMap<string, ConversationEnd>;
  readonly #findTenant: Statement<{ id: number }, [string]>;
  readonly #addTenant: Statement<{ id: number }, [string]>;
  readonly #find: Statement<{ id: number; epoch: string; seqLast: number }, [number, string]>;
  readonly #add: Statement<unknown, [number, number, string, string, number]>;
  readonly #last: Statement<{ id: number | null }, []>;
  #idLast = 0;
  hits = 0;
  misses = 0;

  constructor(db: Database, entriesMax: number) {
    this.#ends = new RecentMap(entriesMax);
    this.#findTenant = db.prepare("SELECT id FROM tenants WHERE name = ?");
    this.#addTenant = db.prepare("INSERT INTO tenants (name) VALUES (?) RETURNING id");
    // `+?`: see StoreReader.
    this.#find = db.prepare(`
      SELECT id, epoch, (SELECT max(seq_last) FROM runs WHERE conversation = c.id) AS seqLast
      FROM conversations c WHERE tenant = +? AND name = +? ORDER BY id DESC LIMIT 1`);
    this.#add = db.prepare("INSERT INTO conversations VALUES (?, ?, ?, ?, ?)");
    this.#last = db.prepare("SELECT max(id) AS id FROM conversations");
  }

  get size(): number {
    return this.#ends.size;
  }

  /** Must be called whenever the file is not as this object left it. */
  reload(): void {
    this.#tenants.clear();
    this.#ends.clear();
    this.#idLast = this.#last.get()?.id ?? 0;
  }

  /**
   * Moves the ends past the runs, before anything is written.
   *
   * @returns the runs with their keys, or why they are refused, with the ends as they were
   */
  plan(runs: readonly StoreRun[]): PlannedRun[] | string {
    const undo: Undo[] = [];
    const planned: PlannedRun[] = [];
    for (const run of runs) {
      const tenant = this.#tenant(run.tenant);
      const end = this.#end(tenant, run.conversation);
      undo.push({ end, id: end.id, epoch: end.epoch, seqLast: end.seqLast });
      const isNew = end.id === 0 || end.epoch !== run.epoch;
      if (isNew) {
        end.id = ++this.#idLast;
        end.epoch = run.epoch;
      } else if (run.seqFirst !== end.seqLast + 1) {
        const seqLast = end.seqLast;
        for (const { end: changed, id, epoch, seqLast: seq } of undo.toReversed())
          Object.assign(changed, { id, epoch, seqLast: seq });
        return `seq ${run.seqFirst} does not follow ${seqLast}`;
      }
      end.seqLast = run.seqFirst + run.count - 1;
      planned.push({ run, conversation: end.id, tenant, isNew });
    }
    return planned;
  }

  /** Makes the conversation's row of a run that begins one. */
  insert({ conversation, tenant, run }: PlannedRun): void {
    this.#add.run(conversation, tenant, run.conversation, run.epoch, run.seqFirst);
  }

  #tenant(name: string): number {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    const id = (this.#findTenant.get(name) ?? this.#addTenant.get(name))?.id as number;
    this.#tenants.set(name, id);
    return id;
  }

  #end(tenant: number, name: string): ConversationEnd {
    const key = `${tenant} ${name}`;
    let end = this.#ends.get(key);
    if (end === undefined) {
      this.misses++;
      end = this.#find.get(tenant, name) ?? { id: 0, epoch: "", seqLast: 0 };
      this.#ends.set(key, end);
    } else this.hits++;
    return end;
  }
}
