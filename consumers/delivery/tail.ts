import type { Folded, Placed } from "../../src/chat/sequencer.ts";
import type { RecordBatch } from "../../src/ports/event-log.ts";
import type { TracedFold } from "./traced-fold.ts";

/** What one fold leaves to be stored: its events, and how far the partition has then come. */
export interface Unit {
  readonly placed: readonly Placed[];
  readonly chars: number;
  readonly nextOffset: number;
  readonly lastId: string;
  /** Settles when the unit's refused records are in the dead-letter topic. */
  readonly refusedKept: Promise<void> | undefined;
  /** Hears when it is stored; undefined when none of its events is traced. */
  readonly traced?: TracedFold | undefined;
}

/** Units of one partition that are not stored yet, oldest first, with their size. */
export class Tail {
  #units: Unit[] = [];
  #events = 0;
  #chars = 0;

  get events(): number {
    return this.#events;
  }

  get chars(): number {
    return this.#chars;
  }

  get empty(): boolean {
    return this.#units.length === 0;
  }

  push(unit: Unit): void {
    this.#units.push(unit);
    this.#events += unit.placed.length;
    this.#chars += unit.chars;
  }

  /** The oldest units up to `eventsMax` events, at least one; they stay until {@link drop}. */
  peek(eventsMax: number): readonly Unit[] {
    let events = 0;
    let count = 0;
    for (const unit of this.#units) {
      events += unit.placed.length;
      if (count > 0 && events > eventsMax) break;
      count++;
    }
    return this.#units.slice(0, count);
  }

  clear(): void {
    this.drop(this.#units.length);
  }

  drop(count: number): void {
    for (const unit of this.#units.splice(0, count)) {
      this.#events -= unit.placed.length;
      this.#chars -= unit.chars;
    }
  }
}

/** Characters of the events, the measure of the tail's bound. */
export function charsOf(folded: Folded): number {
  let chars = 0;
  for (const placed of folded.placed) chars += placed.packed?.eventBytes ?? placed.event.length;
  return chars;
}

/** Records of a batch, without making texts of bytes. */
export function sizeOf(batch: RecordBatch): number {
  return batch.packed?.length ?? batch.records.length;
}
