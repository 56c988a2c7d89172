import { Block, BLOCK, BLOCK_BITS, BLOCK_MASK } from "./block.ts";
import { type HistogramParts, Histogram } from "./histogram.ts";
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

/**
 * Everything that was sent, and what became of it. Messages are numbered from 0 in sending order.
 *
 * One that forgets takes as much memory as there are messages under way: it gives a block up once
 * every message in it was answered, has its place and came to all who read its room at that time.
 * What comes of such a message after that is a second time by this alone, so no fault is missed.
 * A message that was refused and has no place is never settled: it may still come.
 */
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
  /**
   * How often each message is to be seen besides what its place asks for: once, in its place. Where
   * no places are counted, once by every reader. To be set before anything is sent.
   */
  sightings = 1;
  readonly #forgets: boolean;
  /** By number of the block; undefined where all is settled. */
  readonly #blocks: (Block | undefined)[] = [];
  /** Used again, so that a long run allocates nothing. */
  readonly #free: Block[] = [];

  /** @param options.forgets whether settled messages are given up; nobody may read them later then */
  constructor({ forgets = false }: { readonly forgets?: boolean } = {}) {
    this.#forgets = forgets;
  }

  /** Blocks that memory is taken for, of settled messages or not. */
  get blocks(): number {
    const used = this.#blocks.reduce((count, block) => (block ? count + 1 : count), 0);
    return used + this.#free.length;
  }

  /** @param dueAt when it had to be sent; what it waited longer is part of its times */
  send(sender: number, dueAt: number): number {
    const number = this.sent++;
    const at = number & BLOCK_MASK;
    if (at === 0) this.#begin();
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
    if (--block.open === 0) this.#settled(number >>> BLOCK_BITS);
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
    this.faults.refused++;
    if (block?.state[at] !== SENT) return;
    block.state[at] = REFUSED;
    if (--block.open === 0) this.#settled(number >>> BLOCK_BITS);
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
      if (this.#isForgotten(number)) this.#again(reading.room, seq, number, sender);
      else faults.altered++;
      return;
    }
    const { room } = reading;
    const place = room.place(seq, number);
    // Of another place nothing came that is waited for: its block stays, as do those of all faults.
    if (place === "other") faults.reordered++;
    else {
      if (place === "first") {
        // A second place is to come to everyone as well.
        block.open += room.readers;
        if (block.seq[at] === 0) {
          this.placed++;
          block.open--;
        } else faults.duplicate++;
        block.seq[at] = seq;
        if (!room.isInOrder(sender, number, seq)) faults.reordered++;
      }
      // Its columns are whole until the next message is sent.
      if (--block.open === 0) this.#settled(number >>> BLOCK_BITS);
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
    const { isTimed } = reading;
    let index = -1;
    let block: Block | undefined;
    let came = 0;
    for (let i = 0; i < count; i++) {
      const number = numbers[i] as number;
      // Mostly all are of one block: a large room's deliveries are too many to count each there.
      if (number >>> BLOCK_BITS !== index) {
        this.#came(index, block, came);
        index = number >>> BLOCK_BITS;
        block = this.#blocks[index];
        came = 0;
      }
      // The second place of a settled message, which the first reader of it counted.
      if (block === undefined) continue;
      came++;
      if (!isTimed) continue;
      const at = number & BLOCK_MASK;
      const dueAt = block.dueAt[at] as number;
      if (this.#isTimed(dueAt) && block.sender[at] !== reader)
        this.deliveryTimes.record(this.now - dueAt);
    }
    this.#came(index, block, came);
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
      if (this.#isForgotten(number)) this.faults.duplicate++;
      else this.faults.altered++;
      return false;
    }
    const seen = block.seq[at] as number;
    if ((seen & readerBit) !== 0) {
      this.faults.duplicate++;
      return false;
    }
    block.seq[at] = seen | readerBit;
    this.delivered++;
    if (--block.open === 0) this.#settled(number >>> BLOCK_BITS);
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

  /** Goes through what is not settled: of all else nothing is missing. */
  #eachAcked(visit: (seq: number) => void): void {
    for (const block of this.#blocks) {
      if (block === undefined) continue;
      for (let at = 0; at < BLOCK; at++)
        if (block.state[at] === ACKED) visit(block.seq[at] as number);
    }
  }

  #begin(): void {
    const block = this.#free.pop() ?? new Block();
    block.begin(BLOCK * (1 + this.sightings));
    this.#blocks.push(block);
  }

  #came(index: number, block: Block | undefined, count: number): void {
    if (block === undefined) return;
    block.open -= count;
    if (block.open === 0) this.#settled(index);
  }

  /** Nothing of this block is to come any more. */
  #settled(index: number): void {
    if (!this.#forgets) return;
    this.#free.push(this.#blocks[index] as Block);
    this.#blocks[index] = undefined;
  }

  #isForgotten(number: number): boolean {
    return number >= 0 && number < this.sent && this.#blocks[number >>> BLOCK_BITS] === undefined;
  }

  /** A settled message in a place that this reader had not seen yet. */
  #again(room: Room, seq: number, number: number, sender: number): void {
    const { faults } = this;
    const place = room.place(seq, number);
    if (place === "other") faults.reordered++;
    if (place !== "first") return;
    faults.duplicate++;
    if (!room.isInOrder(sender, number, seq)) faults.reordered++;
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
