const PLACES_MIN = 64;

/** A conversation of the run: which message has which place, as the first reader saw it. */
export class Room {
  readonly number: number;
  /** Seq before the first event of this run. */
  readonly base: number;
  readonly #forgets: boolean;
  /** Numbers of the messages, plus one, by how far behind {@link Room.#floor} their place is. */
  #order = new Uint32Array(PLACES_MIN);
  /** Nothing at or before it is kept. */
  #floor: number;
  readonly #readings: Reading[] = [];
  readonly #lastOf = new Map<number, { seq: number; number: number }>();
  /** The last seq that any reader saw. */
  seen: number;
  /** The server's own head, asked for after the run. */
  head: number | undefined;

  /** @param forgets whether places that all readers are past are given up */
  constructor(number: number, base: number, forgets = false) {
    this.number = number;
    this.base = base;
    this.seen = base;
    this.#floor = base;
    this.#forgets = forgets;
  }

  /** How many members read it. */
  get readers(): number {
    return this.#readings.length;
  }

  /** How many places there is memory for. */
  get capacity(): number {
    return this.#order.length;
  }

  /** From now on whatever is placed is to come to this reading too. */
  join(reading: Reading): void {
    this.#readings.push(reading);
  }

  /**
   * Notes that `seq` is message `number`.
   * @returns "first" for a place not seen before, "same" for what others saw, else "other"
   */
  place(seq: number, number: number): "first" | "same" | "other" {
    if (seq - this.#floor >= this.#order.length) this.#makeRoom(seq);
    const at = seq - this.#floor;
    const known = this.#order[at];
    if (known === number + 1) return "same";
    if (known !== 0 || at <= 0) return "other";
    this.#order[at] = number + 1;
    if (seq > this.seen) this.seen = seq;
    return "first";
  }

  /**
   * Whether a message has its place behind all that its sender sent here before it. Judged by the
   * place, not by who was seen first: one reader may miss what another one sees later.
   */
  isInOrder(sender: number, number: number, seq: number): boolean {
    const last = this.#lastOf.get(sender);
    if (last === undefined) {
      this.#lastOf.set(sender, { seq, number });
      return true;
    }
    if (seq < last.seq) return number < last.number;
    const isBehind = number > last.number;
    last.seq = seq;
    last.number = number;
    return isBehind;
  }

  /**
   * Makes place for `seq`: by giving up what all readers are past when half would be free then, else
   * by growing. Looked at here alone, since a floor that followed every delivery would cost more.
   */
  #makeRoom(seq: number): void {
    const passed = this.#forgets ? this.#passed(seq) : this.#floor;
    const places = seq - passed + 1;
    const kept = this.#order.subarray(Math.min(passed - this.#floor, this.#order.length));
    if (places * 2 <= this.#order.length) {
      this.#order.copyWithin(0, this.#order.length - kept.length);
      this.#order.fill(0, kept.length);
    } else {
      const grown = new Uint32Array(Math.max(places, this.#order.length * 2));
      grown.set(kept);
      this.#order = grown;
    }
    this.#order[0] = 0;
    this.#floor = passed;
  }

  /** Up to where every reader has everything; before `seq`, which is about to be placed. */
  #passed(seq: number): number {
    let passed = seq - 1;
    for (const reading of this.#readings) passed = Math.min(passed, reading.passed);
    return Math.max(passed, this.#floor);
  }
}

/** One reader's place in a room. */
export class Reading {
  readonly room: Room;
  /** Every seq up to here was seen or is in {@link missing}. */
  lastSeq: number;
  /** Of the conversation, once the server told it: what a cursor begins with. */
  epoch: string | undefined;
  readonly missing = new Set<number>();
  /** Whether what it gets counts as live, for the delivery times. */
  isTimed: boolean;
  /** When `live` came last; monotonic ms. */
  liveAt: number | undefined;
  /** How many events had come until then. */
  eventsAtLive = 0;
  lags = 0;
  events = 0;

  constructor(room: Room, lastSeq: number, isTimed: boolean) {
    this.room = room;
    this.lastSeq = lastSeq;
    this.isTimed = isTimed;
    room.join(this);
  }

  /** Every seq up to here came. */
  get passed(): number {
    if (this.missing.size === 0) return this.lastSeq;
    // Holes are noted in rising order, so the first is the lowest.
    const [hole] = this.missing;
    return hole === undefined ? this.lastSeq : hole - 1;
  }

  /** The server says that everything up to now was sent. */
  live(now: number): void {
    this.liveAt = now;
    this.eventsAtLive = this.events;
  }

  /** Takes the next `count` places. */
  takeNext(count: number): void {
    this.events += count;
    this.lastSeq += count;
  }

  /** @returns what this seq is to the reader; a late one fills a gap that was counted as missing */
  take(seq: number): "next" | "gap" | "late" | "duplicate" {
    this.events++;
    const expected = this.lastSeq + 1;
    if (seq === expected) {
      this.lastSeq = seq;
      return "next";
    }
    if (seq < expected) return this.missing.delete(seq) ? "late" : "duplicate";
    for (let hole = expected; hole < seq; hole++) this.missing.add(hole);
    this.lastSeq = seq;
    return "gap";
  }
}
