import { eventOf, verdictOf } from "../wire/message-record.ts";
import type { PackedRecord } from "../wire/packed-record.ts";
import type { LogRecord, VerdictHeader } from "../wire/record.ts";
import { FoldedRun, PackedPlaced } from "./folded.ts";
import { Heads, type Head } from "./heads.ts";
import { Window } from "./window.ts";

/** Whose record it is, from its key alone; undefined when the key is malformed. */
export type Locate = (key: string) => { tenant: string; conversation: string } | undefined;

export interface SequencerOptions {
  readonly locate: Locate;
  /** Part of every epoch minted here: another incarnation of the topic has other epochs. */
  readonly incarnation: string;
  readonly windowOffsets: number;
  readonly headsMax: number;
  /** Of a hash that no verdict depends on: nobody can choose ids that fall together. */
  readonly hashSeed?: number;
}

/** A placed record. */
export interface Placed {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seq: number;
  readonly offset: number;
  readonly id: string;
  readonly fingerprint: string;
  readonly event: string;
  /** The record's bytes, from a log that has them: then the texts above are made when asked for. */
  readonly packed?: PackedRecord;
}

/** Events of one conversation with adjacent seqs. */
export interface Run {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly firstSeq: number;
  readonly offsets: readonly number[];
  readonly events: readonly string[];
  readonly packed?: readonly PackedRecord[];
}

/** What the verdict of a record that is not malformed depends on. */
export type Verdict = Pick<VerdictHeader, "id" | "attempt" | "fingerprint">;

export interface Refused {
  readonly offset: number;
  readonly record: LogRecord;
  readonly code: "key_conflict" | "malformed_record";
  /** Absent for a malformed record. */
  readonly header: Verdict | undefined;
  readonly tenant: string;
  readonly conversation: string;
}

export interface Folded {
  readonly placed: Placed[];
  /** The same events by conversation, in order of their first offset. */
  readonly runs: Run[];
  readonly refused: Refused[];
  readonly duplicates: number;
}

/** What the store must be asked before records can be folded. */
export interface Needs {
  /** Record keys whose heads are not in memory, with the conversation's name. */
  readonly heads: Map<string, { tenant: string; conversation: string }>;
  /** Ids of later tries that are not in memory. */
  readonly ids: string[];
}

/** Records with their headers read. `needs` is undefined when memory has all that they need. */
export interface Prepared {
  readonly count: number;
  readonly lastOffset: number | undefined;
  /** Id of the last one as it stands in its header, "" when it has none. */
  readonly lastId: string;
  readonly needs: Needs | undefined;
  /** As bytes; else as text, in the three that follow. */
  readonly packed: readonly PackedRecord[] | undefined;
  readonly records: readonly LogRecord[];
  readonly offsets: readonly number[];
  readonly headers: readonly (VerdictHeader | undefined)[];
}

/** What the store answered. A conversation or id that is missing from it is new. */
export interface Known {
  readonly heads: ReadonlyMap<string, { readonly epoch: string; readonly seq: number }>;
  readonly ids: ReadonlyMap<string, { readonly offset: number; readonly fingerprint: string }>;
  /** Record keys of tenants that do not live in this topic; a placement never changes. */
  readonly foreign?: ReadonlySet<string>;
}

export const NOTHING_KNOWN: Known = { heads: new Map(), ids: new Map() };

/**
 * Gives every record of one partition its verdict: a frozen function of the records before it. No
 * clock, setting or fault may change a verdict, so this class takes none of them in.
 */
export class Sequencer {
  readonly #locate: Locate;
  readonly #incarnation: string;
  readonly #window: Window;
  readonly #heads: Heads;

  constructor(options: SequencerOptions) {
    this.#locate = options.locate;
    this.#incarnation = options.incarnation;
    this.#window = new Window(options.windowOffsets, options.hashSeed);
    this.#heads = new Heads(options.headsMax);
  }

  get headCount(): number {
    return this.#heads.size;
  }

  get windowSize(): number {
    return this.#window.size;
  }

  /** Puts back what was accepted before this worker came, in offset order. */
  restore(accepted: readonly { id: string; offset: number; fingerprint: string }[]): void {
    for (const entry of accepted) this.#window.accept(entry.id, entry.offset, entry.fingerprint);
  }

  /** Reads the records' headers, once for both steps. Between it and its fold nothing is folded. */
  prepare(records: readonly LogRecord[], offsets: readonly number[]): Prepared {
    const headers = records.map(verdictOf);
    const needs = new NeedsList();
    records.forEach(({ key }, i) => {
      const header = headers[i];
      if (header === undefined || !this.#needsHead(key, needs) || header.attempt === 1) return;
      if (this.#window.find(header.id) === undefined) needs.id(header.id);
    });
    const lastId = headers[headers.length - 1]?.id ?? "";
    return {
      count: records.length,
      lastOffset: offsets[offsets.length - 1],
      lastId,
      needs: needs.list,
      packed: undefined,
      records,
      offsets,
      headers,
    };
  }

  /** As {@link prepare}, of records that are bytes still. */
  preparePacked(packed: readonly PackedRecord[]): Prepared {
    const needs = new NeedsList();
    let key: string | undefined;
    for (const record of packed) {
      if (!record.read()) continue;
      if (record.key !== key) {
        if (!this.#needsHead(record.key, needs)) continue;
        key = record.key;
      }
      if (record.attempt !== 1 && !this.#window.hasPacked(record)) needs.id(record.id);
    }
    const last = packed[packed.length - 1];
    return {
      count: packed.length,
      lastOffset: last?.offset,
      lastId: last !== undefined && last.attempt >= 0 ? last.id : "",
      needs: needs.list,
      packed,
      records: [],
      offsets: [],
      headers: [],
    };
  }

  /** @returns whether the key is somebody's */
  #needsHead(key: string, needs: NeedsList): boolean {
    if (this.#heads.has(key)) return true;
    const place = this.#locate(key);
    if (place === undefined) return false;
    needs.head(key, place);
    return true;
  }

  /**
   * Folds records in offset order.
   * @param known the store's answer to the prepared needs
   * @param storedNext everything below this offset can be found in the store
   */
  fold(prepared: Prepared, known: Known, storedNext: number): Folded {
    const { count, packed } = prepared;
    const placed: Placed[] = [];
    const runs: FoldedRun[] = [];
    // Of this fold alone: one that is cleared and used again keeps what was in it (`src/bag.ts`).
    const byKey = new Map<string, FoldedRun>();
    const refused: Refused[] = [];
    let duplicates = 0;
    let offset = 0;
    // A sender's messages come together: the last conversation is often the next one too.
    let lastKey: string | undefined;
    let head: Head | undefined;
    let run: FoldedRun | undefined;
    for (let i = 0; i < count; i++) {
      const bytes = packed?.[i];
      const record = bytes ?? (prepared.records[i] as LogRecord);
      const header = bytes === undefined ? prepared.headers[i] : wellFormed(bytes);
      offset = bytes === undefined ? (prepared.offsets[i] as number) : bytes.offset;
      if (header === undefined) {
        refused.push(malformed(offset, asText(record)));
        continue;
      }
      const earlier = this.#earlier(header, bytes, offset, known);
      if (earlier !== undefined && earlier.fingerprint === header.fingerprint) {
        duplicates++;
        continue;
      }
      if (record.key !== lastKey || head === undefined || head.seq === 0) {
        head = this.#head(record.key, offset, known);
        lastKey = record.key;
        run = byKey.get(record.key);
      }
      if (head === undefined) {
        refused.push(malformed(offset, asText(record)));
        continue;
      }
      const { tenant, conversation } = head;
      if (earlier !== undefined) {
        const code = "key_conflict";
        refused.push({ offset, record: asText(record), code, header, tenant, conversation });
        continue;
      }
      head.seq++;
      head.offset = offset;
      const { epoch, seq } = head;
      if (run === undefined) {
        run = new FoldedRun(tenant, conversation, epoch, seq);
        byKey.set(record.key, run);
        runs.push(run);
      }
      if (bytes !== undefined) {
        this.#window.acceptPacked(bytes);
        placed.push(new PackedPlaced(tenant, conversation, epoch, seq, bytes));
        run.addPacked(bytes);
      } else {
        const { id, fingerprint } = header;
        this.#window.accept(id, offset, fingerprint);
        const event = eventOf(record as LogRecord, header as VerdictHeader);
        placed.push({ tenant, conversation, epoch, seq, offset, id, fingerprint, event });
        run.add(offset, event);
      }
    }
    // Only now: what `prepare` found in memory had to stay until it was used.
    if (count > 0) {
      this.#window.forget(offset + 1, storedNext);
      this.#heads.forget(storedNext);
    }
    return { placed, runs, refused, duplicates };
  }

  #earlier(header: Verdict, bytes: PackedRecord | undefined, offset: number, known: Known) {
    const inMemory =
      bytes === undefined ? this.#window.find(header.id) : this.#window.findPacked(bytes);
    if (header.attempt === 1) {
      return inMemory !== undefined && this.#window.covers(inMemory.offset, offset)
        ? inMemory
        : undefined;
    }
    if (inMemory !== undefined) return inMemory;
    const stored = known.ids.get(header.id);
    return stored !== undefined && stored.offset < offset ? stored : undefined;
  }

  #head(key: string, offset: number, known: Known) {
    const head = this.#heads.get(key);
    // A conversation whose only records were refused has a head without a seq: its epoch is minted
    // by the first placed event, so it is made anew until then.
    if (head !== undefined && head.seq > 0) return head;
    if (known.foreign?.has(key) === true) return undefined;
    const place = head ?? this.#locate(key);
    if (place === undefined) return undefined;
    const { tenant, conversation } = place;
    const stored = known.heads.get(key);
    const epoch = stored?.epoch ?? `${this.#incarnation}${offset.toString(36)}`;
    const made = {
      tenant,
      conversation,
      epoch,
      seq: stored?.seq ?? 0,
      offset: stored ? -1 : offset,
    };
    this.#heads.set(key, made);
    return made;
  }
}

function asText(record: LogRecord | PackedRecord): LogRecord {
  return "decode" in record ? record.decode() : record;
}

function wellFormed(record: PackedRecord): PackedRecord | undefined {
  return record.attempt >= 0 ? record : undefined;
}

/** Made when there is something to need: mostly there is nothing. */
class NeedsList {
  list: Needs | undefined;

  head(key: string, place: { tenant: string; conversation: string }): void {
    this.list ??= { heads: new Map(), ids: [] };
    this.list.heads.set(key, place);
  }

  id(id: string): void {
    this.list ??= { heads: new Map(), ids: [] };
    this.list.ids.push(id);
  }
}

function malformed(offset: number, record: LogRecord): Refused {
  return {
    offset,
    record,
    code: "malformed_record",
    header: undefined,
    tenant: "",
    conversation: "",
  };
}
