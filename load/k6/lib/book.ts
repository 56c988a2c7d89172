import {
  acked,
  altered,
  closed,
  delivered,
  duplicate,
  lateness,
  latency,
  lost,
  receiptTime,
  refused,
  reordered,
  sent,
} from "./metrics.ts";
import { Outcomes } from "./outcomes.ts";
import type { Room } from "./room.ts";
import { Second } from "./second.ts";

const COMPLAINTS_MAX = 10;
const COMPLAINT_CHARS = 50;

/** What one virtual user has counted: for k6's own metrics, and for its runner's plots. */
export class Book {
  /** Milliseconds since 1970; set once a frame, for everything in it. */
  now = 0;
  /** Messages that were due before it are of the warm-up, or of no interest to the latency. */
  measureFrom = Number.POSITIVE_INFINITY;
  /** Messages of requests without an answer. */
  posted = 0;
  /** Receipts and events until now. */
  arrivals = 0;
  readonly second = new Second();
  readonly #outcomes: Outcomes;
  readonly #vu: number;
  readonly #complaints = new Set<string>();
  #toldAt = Date.now();

  constructor(vu: number, unit: number) {
    this.#vu = vu;
    this.#outcomes = new Outcomes(unit);
  }

  sent(messages: number): void {
    this.second.sent += messages;
  }

  acked(messages: number): void {
    this.second.acked += messages;
    this.arrivals += messages;
    this.#outcomes.succeeded(messages);
  }

  failed(messages: number, why: string): void {
    this.#complain(why);
    this.second.errors += messages;
    refused.add(messages);
    this.#outcomes.failed(messages);
  }

  delivered(messages: number): void {
    this.second.delivered += messages;
    this.arrivals += messages;
  }

  /** A message that was due at `due` has come to a reader now. */
  arrived(due: number): void {
    if (!(due >= this.measureFrom)) return;
    const ms = this.now - due;
    latency.add(ms);
    this.second.addLatency(ms);
  }

  answered(due: number): void {
    if (due >= this.measureFrom) receiptTime.add(this.now - due);
  }

  late(ms: number): void {
    if (this.now >= this.measureFrom) lateness.add(ms);
    if (ms > this.second.late) this.second.late = ms;
  }

  altered(): void {
    altered.add(1);
  }

  closed(why: string): void {
    closed.add(1);
    this.#complain(`a socket was closed: ${why}`);
  }

  /** The same fault may come with every message: each is told once. */
  #complain(why: string): void {
    // What follows may differ from message to message.
    const kind = why.slice(0, COMPLAINT_CHARS);
    if (this.#complaints.has(kind) || this.#complaints.size >= COMPLAINTS_MAX) return;
    this.#complaints.add(kind);
    console.error(`virtual user ${String(this.#vu)}: ${why}`);
  }

  /** Once a second: k6's counters are told in one step each. */
  tell(): void {
    const at = Date.now();
    sent.add(this.second.sent);
    acked.add(this.second.acked);
    delivered.add(this.second.delivered);
    const isMeasured = this.#toldAt >= this.measureFrom;
    console.log(this.second.take(at, at - this.#toldAt, this.#vu, isMeasured));
    this.#toldAt = at;
  }

  /**
   * After the last message: what did not come, came twice or out of order.
   * @param isQuiet whether all has come that will come; else what is due yet counts as failed, since
   * it may only be late
   */
  end(rooms: readonly Room[], isQuiet: boolean): void {
    const readings = rooms.flatMap(({ readers, acked: count }) =>
      readers.map(({ reading, unanswered }) => ({ reading, unanswered, count })),
    );
    const unanswered = readings.reduce((sum, one) => sum + one.unanswered, this.posted);
    if (unanswered > 0) this.failed(unanswered, "no receipt in time");
    const opening = rooms.flatMap(({ readers }) => readers.filter(({ isOpening }) => isOpening));
    if (opening.length > 0) this.failed(opening.length, "not connected in time");
    for (const { reading, count } of readings) {
      const { holes } = reading;
      const missing = reading.lost(count);
      lost.add(isQuiet ? missing : holes);
      if (!isQuiet && missing > holes) this.failed(missing - holes, "not delivered in time");
      duplicate.add(reading.duplicate);
      reordered.add(reading.reordered);
    }
    this.#outcomes.end();
    altered.add(0);
    this.tell();
  }
}
