import type { Database, Statement } from "bun:sqlite";
import type { HistoryRange } from "../../ports/message-store.ts";
import { cutRun } from "./store-cut.ts";
import { decodeEvents } from "./store-run.ts";

/** A conversation as far as its pages need it. */
export interface HistorySource {
  readonly id: number;
  readonly runLast: number;
}

/** Events with adjacent seqs as lines of one string. */
export interface HistoryPart {
  readonly seqFirst: number;
  readonly count: number;
  readonly events: string;
}

interface RunLink {
  readonly id: number;
  readonly seqLast: number;
  readonly count: number;
  readonly previous: number;
}

/** Walks a conversation's runs: from the next one that is in the index back along their chain. */
export class StoreHistory {
  readonly #mark: Statement<{ id: number }, [number, number]>;
  readonly #link: Statement<RunLink, [number]>;
  readonly #events: Statement<{ events: Uint8Array }, [number]>;

  constructor(db: Database) {
    // `+?`: see StoreReader.
    this.#mark = db.prepare(`
      SELECT id FROM runs WHERE mark = 1 AND conversation = +? AND seq_last >= +?
      ORDER BY seq_last LIMIT 1`);
    this.#link = db.prepare(
      "SELECT id, seq_last AS seqLast, seq_count AS count, previous FROM runs WHERE id = ?",
    );
    this.#events = db.prepare("SELECT events FROM runs WHERE id = ?");
  }

  /** A page within `first` … `last`, which exist. */
  page(source: HistorySource, first: number, last: number, range: HistoryRange): HistoryPart {
    const { eventsMax, charsMax } = range;
    const up = range.order === "up";
    const parts: string[] = [];
    let count = 0;
    let charsLeft = charsMax;
    const links = up ? this.#linksUp(source, first, last) : this.#linksDown(source, first, last);
    for (const { id, seqLast, count: runCount } of links) {
      if (count >= eventsMax) break;
      const seqFirst = seqLast - runCount + 1;
      const row = this.#events.get(id);
      const cut = cutRun(row ? decodeEvents(row.events) : "", {
        skip: Math.max(0, first - seqFirst),
        skipEnd: Math.max(0, seqLast - last),
        count: runCount,
        eventsMax: eventsMax - count,
        charsMax: charsLeft,
        atLeastOne: count === 0,
        up,
      });
      if (cut.count > 0) parts.push(cut.text);
      count += cut.count;
      charsLeft -= cut.chars;
      if (cut.isLast) break;
    }
    if (!up) parts.reverse();
    return { seqFirst: up ? first : last - count + 1, count, events: parts.join("\n") };
  }

  *#linksUp(source: HistorySource, first: number, last: number): Iterable<RunLink> {
    for (let next = first; next <= last;) {
      const links = [...this.#chain(source, next, next)];
      for (const link of links.toReversed()) {
        if (link.seqLast - link.count >= last) return;
        yield link;
      }
      next = (links[0]?.seqLast ?? last) + 1;
    }
  }

  *#linksDown(source: HistorySource, first: number, last: number): Iterable<RunLink> {
    if (first > last) return;
    for (const link of this.#chain(source, last, first))
      if (link.seqLast - link.count < last) yield link;
  }

  /** From the first run in the index at or after `seq` back to the one that holds `first`. */
  *#chain(source: HistorySource, seq: number, first: number): Iterable<RunLink> {
    let row = this.#mark.get(source.id, seq)?.id ?? source.runLast;
    while (row > 0) {
      const link = this.#link.get(row);
      if (!link) return;
      yield link;
      if (link.seqLast - link.count < first) return;
      row = link.previous;
    }
  }
}
