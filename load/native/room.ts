/** A conversation of the run: which message has which place, as the first reader saw it. */
export class Room {
  readonly number: number;
  /** Seq before the first event of this run. */
  readonly base: number;
  #order = new Uint32Array(64);
  readonly #lastOf = new Map<number, { seq: number; number: number }>();
  /** The last seq that any reader saw. */
  seen: number;
  /** How many members read it. */
  readers = 0;
  /** The server's own head, asked for after the run. */
  head: number | undefined;

  constructor(number: number, base: number) {
    this.number = number;
    this.base = base;
    this.seen = base;
  }

  /**
   * Notes that `seq` is message `number`.
   * @returns "first" for a place not seen before, "same" for what others saw, else "other"
   */
  place(seq: number, number: number): "first" | "same" | "other" {
    const at = seq - this.base;
    if (at >= this.#order.length) this.#grow(at);
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

  #grow(at: number): void {
    const grown = new Uint32Array(Math.max(at + 1, this.#order.length * 2));
    grown.set(this.#order);
    this.#order = grown;
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
    room.readers++;
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
