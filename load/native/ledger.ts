import { type HistogramParts, Histogram } from "./histogram.ts";
import type { Reading } from "./room.ts";

const SENT = 1;
const ACKED = 2;
const REFUSED = 3;

/** Messages of one block of columns: a column that grew as a whole would be copied amid the run. */
const BLOCK = 65_536;
const BLOCK_BITS = 16;
const BLOCK_MASK = BLOCK - 1;

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
  /** Delivered to a member that does not read that conversation, or of another run's. */
  foreign: number;
  /** Refused with an error. */
  refused: number;
}

export function noFaults(): Faults {
  return { lost: 0, duplicate: 0, reordered: 0, altered: 0, foreign: 0, refused: 0 };
}

/** All that a ledger counted, to be sent to another process. */
export interface LedgerParts {
  readonly sent: number;
  readonly acked: number;
  readonly delivered: number;
  readonly faults: Faults;
  readonly durabilities: ReadonlyMap<string, number>;
  /** Refused messages by the error's code. */
  readonly refusals: ReadonlyMap<string, number>;
  readonly receiptTimes: HistogramParts;
  readonly deliveryTimes: HistogramParts;
}

/** What is known of {@link BLOCK} messages. */
class Block {
  readonly dueAt = new Float64Array(BLOCK);
  readonly sender = new Uint32Array(BLOCK);
  readonly state = new Uint8Array(BLOCK);
  /** Its place; 0 while it has none. */
  readonly seq = new Uint32Array(BLOCK);
}

/** Everything that was sent, and what became of it. Messages are numbered from 0 in sending order. */
export class Ledger {
  readonly faults: Faults = noFaults();
  receiptTimes = new Histogram();
  deliveryTimes = new Histogram();
  readonly durabilities = new Map<string, number>();
  readonly refusals = new Map<string, number>();
  #timedFrom = Number.POSITIVE_INFINITY;
  #timedUntil = Number.POSITIVE_INFINITY;
  /** Monotonic ms of the turn at hand. */
  now = 0;
  sent = 0;
  acked = 0;
  delivered = 0;
  /** Messages that were seen in a place. */
  placed = 0;
  readonly #blocks: Block[] = [];

  /** @param dueAt when it had to be sent; what it waited longer is part of its times */
  send(sender: number, dueAt: number): number {
    const number = this.sent++;
    const at = number & BLOCK_MASK;
    if (at === 0) this.#blocks.push(new Block());
    const block = this.#blocks[number >>> BLOCK_BITS] as Block;
    block.dueAt[at] = dueAt;
    block.sender[at] = sender;
    block.state[at] = SENT;
    return number;
  }

  receipt(number: number, isRight: boolean): void {
    if (number >= this.sent || !isRight) this.faults.altered++;
    const block = this.#blocks[number >>> BLOCK_BITS];
    const at = number & BLOCK_MASK;
    if (block?.state[at] !== SENT) {
      this.faults.duplicate++;
      return;
    }
    block.state[at] = ACKED;
    this.acked++;
    const dueAt = block.dueAt[at] as number;
    if (this.#isTimed(dueAt)) this.receiptTimes.record(this.now - dueAt);
  }

  /** Begins the times anew: only what has to be sent from this moment on is in them. */
  timeFrom(now: number): void {
    this.#timedFrom = now;
    this.#timedUntil = Number.POSITIVE_INFINITY;
    this.receiptTimes = new Histogram();
    this.deliveryTimes = new Histogram();
  }

  /** What has to be sent later is not in the times; what was due before is, however late it comes. */
  timeUntil(now: number): void {
    this.#timedUntil = now;
  }

  /** @param code of the error that answered it */
  refuse(number: number, code: string): void {
    this.refusals.set(code, (this.refusals.get(code) ?? 0) + 1);
    const block = this.#blocks[number >>> BLOCK_BITS];
    const at = number & BLOCK_MASK;
    if (block?.state[at] === SENT) block.state[at] = REFUSED;
    this.faults.refused++;
  }

  /** @param reader the number of the member that got it */
  deliver(reading: Reading, reader: number, seq: number, number: number, sender: number): void {
    const { faults } = this;
    const kind = reading.take(seq);
    if (kind === "duplicate") {
      faults.duplicate++;
      return;
    }
    if (kind === "late") faults.reordered++;
    this.delivered++;
    const block = this.#blocks[number >>> BLOCK_BITS];
    const at = number & BLOCK_MASK;
    if (block === undefined || number >= this.sent || block.sender[at] !== sender) {
      faults.altered++;
      return;
    }
    const place = reading.room.place(seq, number);
    if (place === "other") faults.reordered++;
    else if (place === "first") {
      if (block.seq[at] === 0) this.placed++;
      else faults.duplicate++;
      block.seq[at] = seq;
      if (!reading.room.isInOrder(sender, number, seq)) faults.reordered++;
    }
    if (reader === sender || !reading.isTimed) return;
    const dueAt = block.dueAt[at] as number;
    if (this.#isTimed(dueAt)) this.deliveryTimes.record(this.now - dueAt);
  }

  /**
   * The next messages of a reader, all of which were checked at another reader, byte for byte.
   * @param numbers of the messages, in the order of their places
   */
  deliverKnown(reading: Reading, reader: number, numbers: Uint32Array): void {
    const count = numbers.length;
    reading.takeNext(count);
    this.delivered += count;
    if (!reading.isTimed) return;
    for (let i = 0; i < count; i++) {
      const number = numbers[i] as number;
      const block = this.#blocks[number >>> BLOCK_BITS] as Block;
      const at = number & BLOCK_MASK;
      const dueAt = block.dueAt[at] as number;
      if (this.#isTimed(dueAt) && block.sender[at] !== reader)
        this.deliveryTimes.record(this.now - dueAt);
    }
  }

  /**
   * A delivery of a server that counts no places.
   * @param readerBit which of at most 32 readers of its room got it
   * @returns whether it is the first time
   */
  deliverUnplaced(number: number, reader: number, sender: number, readerBit: number): boolean {
    const block = this.#blocks[number >>> BLOCK_BITS];
    const at = number & BLOCK_MASK;
    if (block === undefined || number >= this.sent || block.sender[at] !== sender) {
      this.faults.altered++;
      return false;
    }
    const seen = block.seq[at] as number;
    if ((seen & readerBit) !== 0) {
      this.faults.duplicate++;
      return false;
    }
    block.seq[at] = seen | readerBit;
    this.delivered++;
    if (reader === sender) return true;
    const dueAt = block.dueAt[at] as number;
    if (this.#isTimed(dueAt)) this.deliveryTimes.record(this.now - dueAt);
    return true;
  }

  get unanswered(): number {
    return this.sent - this.acked - this.faults.refused;
  }

  /** Counts as lost what is acked without a place, and what a reader lacks up to the head. */
  close(readings: Iterable<Reading>): void {
    this.#eachAcked((seq) => {
      if (seq === 0) this.faults.lost++;
    });
    for (const reading of readings) {
      const head = reading.room.head ?? reading.room.seen;
      this.faults.lost += reading.missing.size + Math.max(0, head - reading.lastSeq);
    }
  }

  /** As {@link close}, of a server that counts no places: every reader of a room has everything. */
  closeUnplaced(readersPerRoom: number): void {
    this.#eachAcked((seen) => {
      let missing = readersPerRoom;
      for (let bits = seen; bits !== 0; bits &= bits - 1) missing--;
      this.faults.lost += missing;
    });
  }

  parts(): LedgerParts {
    return {
      sent: this.sent,
      acked: this.acked,
      delivered: this.delivered,
      faults: { ...this.faults },
      durabilities: new Map(this.durabilities),
      refusals: new Map(this.refusals),
      receiptTimes: this.receiptTimes.parts(),
      deliveryTimes: this.deliveryTimes.parts(),
    };
  }

  #isTimed(dueAt: number): boolean {
    return dueAt >= this.#timedFrom && dueAt <= this.#timedUntil;
  }

  #eachAcked(visit: (seq: number) => void): void {
    for (let number = 0; number < this.sent; number++) {
      const block = this.#blocks[number >>> BLOCK_BITS] as Block;
      const at = number & BLOCK_MASK;
      if (block.state[at] === ACKED) visit(block.seq[at] as number);
    }
  }
}

/** The sum of what several processes counted, exactly as if one had. */
export function mergeLedgers(all: readonly LedgerParts[]): LedgerParts {
  const faults = noFaults();
  for (const parts of all)
    for (const name of Object.keys(faults) as (keyof Faults)[]) faults[name] += parts.faults[name];
  const sum = (pick: (parts: LedgerParts) => number): number =>
    all.reduce((total, parts) => total + pick(parts), 0);
  return {
    sent: sum(({ sent }) => sent),
    acked: sum(({ acked }) => acked),
    delivered: sum(({ delivered }) => delivered),
    faults,
    durabilities: sumsOf(all.map(({ durabilities }) => durabilities)),
    refusals: sumsOf(all.map(({ refusals }) => refusals)),
    receiptTimes: Histogram.merge(all.map(({ receiptTimes }) => receiptTimes)).parts(),
    deliveryTimes: Histogram.merge(all.map(({ deliveryTimes }) => deliveryTimes)).parts(),
  };
}

function sumsOf(all: readonly ReadonlyMap<string, number>[]): Map<string, number> {
  const sums = new Map<string, number>();
  for (const counts of all)
    for (const [name, count] of counts) sums.set(name, (sums.get(name) ?? 0) + count);
  return sums;
}
