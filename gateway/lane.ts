import type { Bagged } from "../src/bag.ts";
import type { AppError } from "../src/errors.ts";
import { CircuitBreaker } from "../src/policy/circuit-breaker.ts";
import { OutboxDrain } from "../src/policy/outbox-drain.ts";
import type { LogRecord } from "../src/wire/record.ts";

/** One append of a gateway, until it has its answer. */
export interface Flight extends Bagged {
  readonly lane: Lane;
  /** Rises in the order of the partition's appends. */
  readonly serial: number;
  readonly records: readonly LogRecord[];
  readonly chars: number;
  /** Monotonic ms. */
  readonly startedAt: number;
  /** Monotonic ms by which it has to have its answer. */
  readonly answerBy: number;
  readonly resolve: (base: number) => void;
  readonly reject: (error: AppError) => void;
  /** Given to the log, whose outcome is waited for. */
  flying: boolean;
  answered: boolean;
  /** How the log failed it; undefined: it was never given to the log. */
  error: AppError | undefined;
}

/**
 * Where a partition's appends go. `log`: to the log, as always. `outbox`: there, behind each other.
 * `hold`: the partition's last rows are being published, appends wait for that. `trial`: the circuit
 * is half open, one append at a time goes to the log and the others wait for its outcome.
 */
export type LaneState = "log" | "outbox" | "hold" | "trial";

/** One partition as a gateway appends to it. */
export class Lane {
  readonly topic: string;
  readonly partition: number;
  readonly circuit = new CircuitBreaker();
  state: LaneState = "log";
  /** Appends that the log has. */
  flying = 0;
  lastSerial = 0;
  /** Highest serial that is in the log: what failed before it may not follow it. */
  landed = 0;
  /** By serial: those that the log failed come before those that it never got. */
  readonly waiting: Flight[] = [];
  /** Rows on their way into the outbox. */
  putting = 0;
  /** Upper bounds of what this gateway has in the outbox. */
  rows = 0;
  chars = 0;
  /** Rows that were put since the last look began. */
  rowsSinceLook = 0;
  /** The first look that would show what was put last. */
  needsLook = 0;
  /** No row waits, of any gateway, as of a look that counts. */
  clear = true;
  /** A bound of the outbox was reached: refused until it has drained. */
  full = false;
  readonly drain = new OutboxDrain();
  /** Rows that had left at the last look. */
  done: number | undefined;
  heldSince = 0;
  holdAgainAt = 0;

  constructor(topic: string, partition: number) {
    this.topic = topic;
    this.partition = partition;
  }

  /** Puts what the log failed back before what it never got. */
  await(flight: Flight): void {
    const { waiting } = this;
    let at = waiting.length;
    while (at > 0 && (waiting[at - 1] as Flight).serial > flight.serial) at--;
    waiting.splice(at, 0, flight);
  }

  /** Whether what waits was never given to the log, so that it may be now. */
  get isFresh(): boolean {
    return this.waiting[0]?.error === undefined;
  }
}
