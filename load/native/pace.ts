import type { Ledger } from "./ledger.ts";
import type { Member } from "./member.ts";
import type { MessageWriter } from "./protocol.ts";

/** Messages that may be late in an open loop before the run is given up. */
const LATE_MAX = 5_000_000;

/** Decides when which member sends. */
export interface Pace {
  turn(member: Member): void;
  start(members: readonly Member[]): void;
  /** A member that was away is there again. */
  back(member: Member): void;
  stop(): void;
}

/** What a pace is made of, to be sent to another process. */
export type PaceOptions =
  | {
      readonly kind: "closed";
      /** Frames that each member keeps unanswered. */
      readonly window: number;
      readonly perFrame: number;
      /** Each member stops after so many frames. */
      readonly framesMax?: number;
    }
  | {
      readonly kind: "open";
      /** Messages a second of all members together. */
      readonly rate: number;
      readonly perFrame: number;
    };

/** Sends for one member, `lines` messages to its next rooms in one frame. */
export class Sender {
  readonly #ledger: Ledger;
  readonly #writer: MessageWriter;

  constructor(ledger: Ledger, writer: MessageWriter) {
    this.#ledger = ledger;
    this.#writer = writer;
  }

  add(member: Member, lines: number, dueAt: number, now: number): void {
    this.#writer.frame(lines);
    member.unanswered += lines;
    const { targets } = member;
    for (let line = 1; line <= lines; line++) {
      const number = this.#ledger.send(member.number, dueAt);
      const room = targets[member.nextTarget] as number;
      if (++member.nextTarget === targets.length) member.nextTarget = 0;
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

  back(member: Member): void {
    member.answered = 0;
    member.credit = this.#window;
    this.turn(member);
  }

  turn(member: Member): void {
    while (member.answered >= this.#perFrame) {
      member.answered -= this.#perFrame;
      member.credit++;
    }
    if (!this.isRunning || member.credit <= 0 || member.framesLeft <= 0 || member.isAway) return;
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
 * Open loop: a frame of `perFrame` messages is due every perFrame/rate seconds, whatever the server
 * does, and its times start when it was due. That leaves no omission for the generator to hide a
 * stall in, be it the server's or its own.
 */
export class OpenLoop implements Pace {
  readonly #sender: Sender;
  readonly #framesPerMs: number;
  readonly #perFrame: number;
  #members: readonly Member[] = [];
  #next = 0;
  #startedAt = 0;
  /** Frames. */
  #sent = 0;
  #timer: Timer | undefined;

  /** @param rate messages a second of all members together */
  constructor(sender: Sender, rate: number, perFrame = 1) {
    this.#sender = sender;
    this.#framesPerMs = rate / 1000 / perFrame;
    this.#perFrame = perFrame;
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

  back(member: Member): void {
    this.turn(member);
  }

  turn(member: Member): void {
    member.answered = 0;
  }

  #tick(): void {
    const due = Math.floor((performance.now() - this.#startedAt) * this.#framesPerMs);
    const late = (due - this.#sent) * this.#perFrame;
    if (late > LATE_MAX) throw new Error("the generator is too slow for this rate");
    const now = Date.now();
    for (; this.#sent < due; this.#sent++) {
      const member = this.#present();
      const dueAt = this.#startedAt + (this.#sent + 1) / this.#framesPerMs;
      this.#sender.add(member, this.#perFrame, dueAt, now);
      this.#sender.flush(member);
    }
  }

  /** The next member that is not away. */
  #present(): Member {
    for (let tries = this.#members.length; tries > 0; tries--) {
      const member = this.#members[this.#next] as Member;
      this.#next = (this.#next + 1) % this.#members.length;
      if (!member.isAway) return member;
    }
    throw new Error("every member is away");
  }
}
