import { Histogram } from "./histogram.ts";
import { bytes, floats, integers } from "./numbers.ts";
import type { Reading, Room } from "./room.ts";

const SENT = 1;
const ACKED = 2;
const REFUSED = 3;

/** What was found wrong; all 0 is the only good outcome. */
export interface Faults {
  /** Acked and not placed, or placed and not delivered to one of its readers. */
  lost: number;
  /** Delivered twice to a reader, or placed twice. */
  duplicate: number;
  /** Out of order at a reader, another order than others saw, or not in its sender's order. */
  reordered: number;
  /** Id, key, sender or content is not that of the message. */
  altered: number;
  /** Refused with an error. */
  refused: number;
}

/** Everything that was sent, and what became of it. Messages are numbered from 0 in sending order. */
export class Ledger {
  readonly faults: Faults = { lost: 0, duplicate: 0, reordered: 0, altered: 0, refused: 0 };
  receiptTimes = new Histogram();
  deliveryTimes = new Histogram();
  readonly durabilities = new Map<string, number>();
  #timedFrom = Number.POSITIVE_INFINITY;
  /** Monotonic ms of the turn at hand. */
  now = 0;
  sent = 0;
  acked = 0;
  delivered = 0;
  readonly #dueAt = floats();
  readonly #sender = integers();
  readonly #state = bytes();
  readonly #seq = integers();
  readonly #lastOfSender = new Map<number, number>();

  /** @param dueAt when it had to be sent; what it waited longer is part of its times */
  send(sender: number, dueAt: number): number {
    const number = this.sent++;
    this.#dueAt.set(number, dueAt);
    this.#sender.set(number, sender);
    this.#state.set(number, SENT);
    return number;
  }

  receipt(number: number, isRight: boolean): void {
    if (number >= this.sent || !isRight) this.faults.altered++;
    if (this.#state.get(number) !== SENT) {
      this.faults.duplicate++;
      return;
    }
    this.#state.set(number, ACKED);
    this.acked++;
    const dueAt = this.#dueAt.get(number);
    if (dueAt >= this.#timedFrom) this.receiptTimes.record(this.now - dueAt);
  }

  /** Begins the times anew: only what has to be sent from this moment on is in them. */
  timeFrom(now: number): void {
    this.#timedFrom = now;
    this.receiptTimes = new Histogram();
    this.deliveryTimes = new Histogram();
  }

  refuse(number: number): void {
    if (this.#state.get(number) === SENT) this.#state.set(number, REFUSED);
    this.faults.refused++;
  }

  /** @param reader the number of the member that got it */
  deliver(reading: Reading, reader: number, seq: number, number: number, sender: number): void {
    const kind = reading.take(seq);
    if (kind === "duplicate") {
      this.faults.duplicate++;
      return;
    }
    if (kind === "late") this.faults.reordered++;
    this.delivered++;
    if (number >= this.sent || this.#sender.get(number) !== sender) {
      this.faults.altered++;
      return;
    }
    const place = reading.room.place(seq, number);
    if (place === "other") this.faults.reordered++;
    else if (place === "first") this.#placed(reading.room, seq, number, sender);
    if (reader === sender || !reading.isTimed) return;
    const dueAt = this.#dueAt.get(number);
    if (dueAt >= this.#timedFrom) this.deliveryTimes.record(this.now - dueAt);
  }

  get unanswered(): number {
    return this.sent - this.acked - this.faults.refused;
  }

  /** Counts as lost what is acked without a place, and what a reader lacks up to the head. */
  close(readings: Iterable<Reading>): void {
    for (let number = 0; number < this.sent; number++) {
      if (this.#state.get(number) === ACKED && this.#seq.get(number) === 0) this.faults.lost++;
    }
    for (const reading of readings) {
      const head = reading.room.head ?? reading.room.seen;
      this.faults.lost += reading.missing.size + Math.max(0, head - reading.lastSeq);
    }
  }

  #placed(room: Room, seq: number, number: number, sender: number): void {
    if (this.#seq.get(number) !== 0) this.faults.duplicate++;
    this.#seq.set(number, seq);
    const pair = room.number * 65_536 + sender;
    const last = this.#lastOfSender.get(pair);
    if (last !== undefined && last > number) this.faults.reordered++;
    this.#lastOfSender.set(pair, number);
  }
}
