import type { CommandWriter } from "./command.ts";
import type { Ledger } from "./ledger.ts";
import type { Member } from "./member.ts";

/** Messages that may be late in an open loop before the run is given up. */
const LATE_MAX = 5_000_000;

/** Decides when which member sends. */
export interface Pace {
  turn(member: Member): void;
  start(members: readonly Member[]): void;
  stop(): void;
}

/** Sends for one member, `lines` messages to its next rooms in one frame. */
export class Sender {
  readonly #ledger: Ledger;
  readonly #writer: CommandWriter;

  constructor(ledger: Ledger, writer: CommandWriter) {
    this.#ledger = ledger;
    this.#writer = writer;
  }

  add(member: Member, lines: number, dueAt: number, now: number): void {
    this.#writer.frame(lines);
    for (let line = 1; line <= lines; line++) {
      const number = this.#ledger.send(member.number, dueAt);
      const room = member.targets[member.nextTarget] as number;
      member.nextTarget = (member.nextTarget + 1) % member.targets.length;
      this.#writer.line(number, room, now, line === lines);
    }
  }

  flush(member: Member): void {
    const { bytes, length } = this.#writer.take();
    member.socket.write(bytes, length);
  }
}

/** Closed loop: each member keeps `window` frames of `perFrame` messages unanswered. */
export class ClosedLoop implements Pace {
  readonly #sender: Sender;
  readonly #window: number;
  readonly #perFrame: number;
  readonly #framesMax: number;
  #unfinished = 0;

  /** @param framesMax each member stops after so many frames */
  constructor(
    sender: Sender,
    window: number,
    perFrame: number,
    framesMax = Number.POSITIVE_INFINITY,
  ) {
    this.#sender = sender;
    this.#window = window;
    this.#perFrame = perFrame;
    this.#framesMax = framesMax;
  }

  /** Whether a member still has frames to send. */
  get isRunning(): boolean {
    return this.#unfinished > 0;
  }

  start(members: readonly Member[]): void {
    const senders = members.filter((member) => member.targets.length > 0);
    this.#unfinished = senders.length;
    for (const member of senders) {
      member.answered = 0;
      member.credit = this.#window;
      member.framesLeft = this.#framesMax;
    }
    for (const member of senders) this.turn(member);
  }

  stop(): void {
    this.#unfinished = 0;
  }

  turn(member: Member): void {
    while (member.answered >= this.#perFrame) {
      member.answered -= this.#perFrame;
      member.credit++;
    }
    if (!this.isRunning || member.credit <= 0 || member.framesLeft <= 0) return;
    const dueAt = performance.now();
    const now = Date.now();
    while (member.credit > 0 && member.framesLeft > 0) {
      member.credit--;
      member.framesLeft--;
      this.#sender.add(member, this.#perFrame, dueAt, now);
    }
    if (member.framesLeft === 0) this.#unfinished--;
    this.#sender.flush(member);
  }
}

/**
 * Open loop: one message is due every 1/rate seconds, whatever the server does, and its times start
 * when it was due. That leaves no omission for the generator to hide a stall in.
 */
export class OpenLoop implements Pace {
  readonly #sender: Sender;
  readonly #perMs: number;
  #members: readonly Member[] = [];
  #next = 0;
  #startedAt = 0;
  #sent = 0;
  #timer: Timer | undefined;

  constructor(sender: Sender, rate: number) {
    this.#sender = sender;
    this.#perMs = rate / 1000;
  }

  start(members: readonly Member[]): void {
    this.#members = members.filter((member) => member.targets.length > 0);
    this.#startedAt = performance.now();
    this.#sent = 0;
    this.#timer = setInterval(() => this.#tick(), 1);
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  turn(member: Member): void {
    member.answered = 0;
  }

  #tick(): void {
    const due = Math.floor((performance.now() - this.#startedAt) * this.#perMs);
    if (due - this.#sent > LATE_MAX) throw new Error("the generator is too slow for this rate");
    const now = Date.now();
    for (; this.#sent < due; this.#sent++) {
      const member = this.#members[this.#next] as Member;
      this.#next = (this.#next + 1) % this.#members.length;
      this.#sender.add(member, 1, this.#startedAt + (this.#sent + 1) / this.#perMs, now);
      this.#sender.flush(member);
    }
  }
}
