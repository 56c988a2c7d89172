import type { LogRecord } from "../../src/wire/record.ts";
import { parseVerdictHeader } from "../../src/wire/record.ts";
import type { Placement } from "./placed-range.ts";

/** What comparing raw records with the placed events of the same offsets shows. */
export interface Recounted {
  /** Placed records whose event is another one, or has no record. */
  readonly altered: number;
  /** Events whose seq does not follow the one before it in its conversation. */
  readonly reordered: number;
  /** Ids that were placed a second time. */
  readonly duplicated: number;
  /** Records that are not placed: each must be a repeat or a refusal. */
  readonly unplaced: readonly Unplaced[];
}

export interface Unplaced {
  readonly id: string;
  readonly offset: number;
  /** Of the record. */
  readonly key: string;
}

/**
 * Recounts one partition without the sequencer: bounded memory of heads and ids, oldest dropped
 * first, since a check that forgets something old misses a fault but reports no false one.
 */
export class Recount {
  readonly #max: number;
  readonly #heads = new Map<string, { epoch: string; seq: number }>();
  readonly #placed = new Map<string, number>();

  /** @param max heads and ids to remember, each */
  constructor(max: number) {
    this.#max = max;
  }

  /**
   * Both lists are of the same range of offsets, in offset order.
   * @param expired offsets whose events were removed: what follows them begins anew
   */
  compare(
    records: readonly LogRecord[],
    offsets: readonly number[],
    events: readonly Placement[],
    expired: ReadonlySet<number> = new Set(),
  ): Recounted {
    let altered = 0;
    let reordered = 0;
    let duplicated = 0;
    const unplaced: Unplaced[] = [];
    let at = 0;
    records.forEach((record, i) => {
      const offset = offsets[i] as number;
      while (at < events.length && (events[at] as Placement).offset < offset) {
        altered++;
        at++;
      }
      const header = parseVerdictHeader(record);
      const event = events[at];
      if (event === undefined || event.offset !== offset) {
        if (expired.has(offset)) this.#heads.clear();
        else if (header !== undefined) unplaced.push({ id: header.id, offset, key: record.key });
        return;
      }
      at++;
      if (
        header === undefined ||
        event.id !== header.id ||
        event.fingerprint !== header.fingerprint
      )
        altered++;
      if (!this.#follows(event)) reordered++;
      const before = this.#placed.get(event.id);
      if (before !== undefined && before !== offset) duplicated++;
      remember(this.#placed, event.id, offset, this.#max);
    });
    altered += events.length - at;
    return { altered, reordered, duplicated, unplaced };
  }

  #follows(event: Placement): boolean {
    const key = JSON.stringify([event.tenant, event.conversation]);
    const head = this.#heads.get(key);
    remember(this.#heads, key, { epoch: event.epoch, seq: event.seq }, this.#max);
    return head === undefined || head.epoch !== event.epoch || event.seq === head.seq + 1;
  }
}

function remember<T>(map: Map<string, T>, key: string, value: T, max: number): void {
  map.delete(key);
  map.set(key, value);
  if (map.size <= max) return;
  for (const oldest of map.keys()) {
    map.delete(oldest);
    return;
  }
}
