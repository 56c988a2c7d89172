import type { Limits } from "../src/limits.ts";
import type { Clock } from "../src/ports/clock.ts";

/** Whose frames are taken in. */
export interface IntakeSource {
  /** One more frame of it waits: it is read no further meanwhile. */
  waits(): void;
  /** One fewer does. */
  waited(): void;
}

/** Says whether frames have to wait for what they lead to. */
export interface IntakeGate {
  /** Whether the next one has to; then `go` is called, once, when it is worth asking again. */
  holds(go: () => void): boolean;
}

export interface IntakeOptions<S extends IntakeSource> {
  readonly clock: Pick<Clock, "defer" | "monotonic">;
  readonly limits: Pick<Limits, "intakeTurnBytesMax" | "intakeWaitingBytesMax" | "intakeWaitMs">;
  readonly gate: IntakeGate;
  /** MUST NOT throw. */
  readonly handle: (source: S, text: string) => void;
}

/** A frame costs as much as so many characters besides its own, to handle and to keep. */
const FRAME_CHARS = 64;
/** So many frames are handled before the list of those that wait is cut. */
const CUT = 1_024;

/**
 * Takes in what clients send by turns of the event loop, each of them bounded. Sockets are many and
 * the backplane's connection is one: when all of them have much to read, a turn that handles
 * everything reads a little of the backplane for a lot of sends, and deliveries fall behind without
 * bound. What does not fit waits, in order, and its sockets are not read: their clients feel it. So
 * does what the gate holds; while that does not open at all, a turn passes every `intakeWaitMs`.
 */
export class Intake<S extends IntakeSource> {
  readonly #options: IntakeOptions<S>;
  readonly #go = (): void => this.#schedule();
  #waiting: { readonly source: S; readonly text: string }[] = [];
  #next = 0;
  #waitingCost = 0;
  /** What the frames of this turn cost. */
  #handled = 0;
  #scheduled = false;
  /** Monotonic ms since which the gate has held without a break. */
  #heldSince: number | undefined;

  constructor(options: IntakeOptions<S>) {
    this.#options = options;
  }

  /** Handles a frame now, or when those before it have been. */
  take(source: S, text: string): void {
    const { intakeTurnBytesMax, intakeWaitingBytesMax } = this.#options.limits;
    this.#schedule();
    if (!this.#isBehind && this.#handled < intakeTurnBytesMax && !this.#isHeld()) {
      this.#handled += costOf(text);
      this.#options.handle(source, text);
      return;
    }
    this.#waiting.push({ source, text });
    this.#waitingCost += costOf(text);
    source.waits();
    while (this.#waitingCost > intakeWaitingBytesMax) this.#handleNext();
  }

  get #isBehind(): boolean {
    return this.#waiting.length > 0;
  }

  /** Whether the next frame has to wait for the gate. */
  #isHeld(): boolean {
    const { gate, clock } = this.#options;
    if (!gate.holds(this.#go)) {
      this.#heldSince = undefined;
      return false;
    }
    this.#heldSince ??= clock.monotonic();
    return true;
  }

  #schedule(): void {
    if (this.#scheduled) return;
    this.#scheduled = true;
    this.#options.clock.defer(() => this.#turn());
  }

  #turn(): void {
    this.#scheduled = false;
    this.#handled = 0;
    const { intakeTurnBytesMax } = this.#options.limits;
    const isLongHeld = this.#isLongHeld();
    while (this.#isBehind && this.#handled < intakeTurnBytesMax && (isLongHeld || !this.#isHeld()))
      this.#handleNext();
    // Who comes next has not waited yet.
    if (!this.#isBehind) this.#heldSince = undefined;
    if (this.#handled > 0) this.#schedule();
  }

  /** Whether the gate has been closed for so long that one turn does not wait for it. */
  #isLongHeld(): boolean {
    if (this.#heldSince === undefined) return false;
    const { clock, limits } = this.#options;
    const now = clock.monotonic();
    if (now - this.#heldSince < limits.intakeWaitMs) return false;
    this.#heldSince = now;
    return true;
  }

  #handleNext(): void {
    const { source, text } = this.#waiting[this.#next++] as { source: S; text: string };
    this.#waitingCost -= costOf(text);
    this.#handled += costOf(text);
    if (this.#next === this.#waiting.length || this.#next === CUT) {
      this.#waiting.splice(0, this.#next);
      this.#next = 0;
    }
    this.#options.handle(source, text);
    source.waited();
  }
}

function costOf(text: string): number {
  return text.length + FRAME_CHARS;
}
