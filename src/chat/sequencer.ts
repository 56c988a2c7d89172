import {
  parseVerdictHeader,
  sliceEvent,
  type LogRecord,
  type VerdictHeader,
} from "../wire/record.ts";
import { Heads } from "./heads.ts";
import { Window } from "./window.ts";

/** Whose record it is, from its key alone; undefined when the key is malformed. */
export type Locate = (key: string) => { tenant: string; conversation: string } | undefined;

export interface SequencerOptions {
  readonly locate: Locate;
  /** Part of every epoch minted here: another incarnation of the topic has other epochs. */
  readonly incarnation: string;
  readonly windowOffsets: number;
  readonly headsMax: number;
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
}

/** Events of one conversation with adjacent seqs. */
export interface Run {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly firstSeq: number;
  readonly offsets: number[];
  readonly events: string[];
}

export interface Refused {
  readonly offset: number;
  readonly record: LogRecord;
  readonly code: "key_conflict" | "malformed_record";
  /** Absent for a malformed record. */
  readonly header: VerdictHeader | undefined;
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
  readonly records: readonly LogRecord[];
  readonly offsets: readonly number[];
  readonly headers: readonly (VerdictHeader | undefined)[];
  readonly needs: Needs | undefined;
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
  readonly #runs = new Map<string, Run>();

  constructor(options: SequencerOptions) {
    this.#locate = options.locate;
    this.#incarnation = options.incarnation;
    this.#window = new Window(options.windowOffsets);
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
    const headers: (VerdictHeader | undefined)[] = [];
    let needs: Needs | undefined;
    for (const record of records) {
      const header = parseVerdictHeader(record);
      headers.push(header);
      if (header === undefined) continue;
      if (!this.#heads.has(record.key)) {
        const place = this.#locate(record.key);
        if (place === undefined) continue;
        needs ??= { heads: new Map(), ids: [] };
        needs.heads.set(record.key, place);
      }
      if (header.attempt !== 1 && this.#window.find(header.id) === undefined) {
        needs ??= { heads: new Map(), ids: [] };
        needs.ids.push(header.id);
      }
    }
    return { records, offsets, headers, needs };
  }

  /**
   * Folds records in offset order.
   * @param known the store's answer to the prepared needs
   * @param storedNext everything below this offset can be found in the store
   */
  fold({ records, offsets, headers }: Prepared, known: Known, storedNext: number): Folded {
    const placed: Placed[] = [];
    const runs: Run[] = [];
    const refused: Refused[] = [];
    let duplicates = 0;
    for (let i = 0; i < records.length; i++) {
      const record = records[i] as LogRecord;
      const offset = offsets[i] as number;
      const header = headers[i];
      if (header === undefined) {
        refused.push(malformed(offset, record));
        continue;
      }
      const earlier = this.#earlier(header, offset, known);
      if (earlier !== undefined && earlier.fingerprint === header.fingerprint) {
        duplicates++;
        continue;
      }
      const head = this.#head(record.key, offset, known);
      if (head === undefined) {
        refused.push(malformed(offset, record));
        continue;
      }
      const { tenant, conversation } = head;
      if (earlier !== undefined) {
        refused.push({ offset, record, code: "key_conflict", header, tenant, conversation });
        continue;
      }
      head.seq++;
      head.offset = offset;
      this.#window.accept(header.id, offset, header.fingerprint);
      const event = sliceEvent(record, header);
      const { epoch, seq } = head;
      const { id, fingerprint } = header;
      placed.push({ tenant, conversation, epoch, seq, offset, id, fingerprint, event });
      let run = this.#runs.get(record.key);
      if (run === undefined) {
        run = { tenant, conversation, epoch, firstSeq: seq, offsets: [], events: [] };
        this.#runs.set(record.key, run);
        runs.push(run);
      }
      run.offsets.push(offset);
      run.events.push(event);
    }
    this.#runs.clear();
    // Only now: what `prepare` found in memory had to stay until it was used.
    const last = offsets[offsets.length - 1];
    if (last !== undefined) {
      this.#window.forget(last + 1, storedNext);
      this.#heads.forget(storedNext);
    }
    return { placed, runs, refused, duplicates };
  }

  #earlier(header: VerdictHeader, offset: number, known: Known) {
    const inMemory = this.#window.find(header.id);
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
