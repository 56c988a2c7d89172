import exec from "k6/execution";
import { Book } from "./book.ts";
import { Member } from "./member.ts";
import { Pace, TICK_MS } from "./pace.ts";
import { Room } from "./room.ts";
import type { Settings } from "./settings.ts";
import type { Origin } from "./template.ts";

const POLL_MS = 50;
/** Time for a server that is behind to catch up. */
const SETTLE_MAX_SECONDS = 180;
const SECOND_MS = 1_000;

/** What is the same for all virtual users of one run. */
export interface Run {
  /** 12 bits that tell this run from others on the same server. */
  readonly nonce: number;
}

/** For the `setup` of every script. */
export function newRun(): Run {
  return { nonce: Math.floor(Math.random() * 4_096) };
}

/** The clients of one virtual user: it opens them, has them send by the clock, and counts. */
export class Crowd {
  readonly settings: Settings;
  readonly book: Book;
  readonly rooms: readonly Room[];
  readonly members: readonly Member[];
  readonly #pace: Pace;
  readonly #vu: number;
  readonly #run: Run;
  #startedAt = 0;

  constructor(settings: Settings, run: Run, rooms = settings.plan.rooms) {
    const { plan } = settings;
    this.settings = settings;
    this.#run = run;
    this.#vu = exec.vu.idInTest;
    this.book = new Book(this.#vu, plan.perFrame);
    this.#pace = new Pace(plan, this.#vu - 1);
    const prefix = `k6-${Date.now().toString(36)}${run.nonce.toString(36)}-${String(this.#vu)}`;
    this.rooms = Array.from({ length: rooms }, (_, i) => new Room(`${prefix}-${String(i)}`));
    this.members = this.rooms.flatMap((room) =>
      Array.from({ length: plan.roomSize }, () => this.#member(room)),
    );
  }

  /** Names messages of the sender with this number among those of its virtual user. */
  origin(sender: number): Origin {
    return { run: this.#run.nonce, vu: this.#vu, sender };
  }

  /** Opens sockets and goes on when all have caught up. Ends the whole test when they do not. */
  open(members: readonly Member[], then: () => void): void {
    let missing = members.length;
    const timer = setTimeout(() => {
      exec.test.abort(`${String(missing)} of ${String(members.length)} sockets did not connect`);
    }, this.settings.connectMs);
    for (const member of members) {
      member.open(() => {
        missing--;
        if (missing > 0) return;
        clearTimeout(timer);
        then();
      });
    }
  }

  /**
   * Sends by the clock until the plan's end, waits for what is under way, counts and closes.
   * @param send sends one frame that is due then, in ms since 1970
   */
  drive(send: (due: number) => void): void {
    const { plan } = this.settings;
    this.#startedAt = Date.now();
    this.book.measureFrom = this.#startedAt + plan.warmUp * 1_000;
    const seconds = setInterval(() => this.book.tell(), SECOND_MS);
    this.#tick(send, () => {
      this.#settle((isQuiet) => {
        clearInterval(seconds);
        this.book.end(this.rooms, isQuiet);
        for (const member of this.members) member.close();
      });
    });
  }

  /** Goes on when it is so. Ends the whole test when that takes as long as connecting may. */
  when(isSo: () => boolean, what: string, then: () => void): void {
    const deadline = Date.now() + this.settings.connectMs;
    const timer = setInterval(() => {
      if (!isSo()) {
        if (Date.now() > deadline) exec.test.abort(`waited in vain for ${what}`);
        return;
      }
      clearInterval(timer);
      then();
    }, POLL_MS);
  }

  /** Ticks fall on multiples of their length: an interval would drift away from them. */
  #tick(send: (due: number) => void, then: () => void): void {
    const now = Date.now();
    this.book.now = now;
    const elapsed = now - this.#startedAt;
    const isOver = this.#pace.advance(elapsed, (frames, at) => {
      const due = this.#startedAt + at;
      this.book.late(now - due);
      for (let i = 0; i < frames; i++) send(due);
    });
    if (isOver) then();
    else setTimeout(() => this.#tick(send, then), TICK_MS - (elapsed % TICK_MS));
  }

  /**
   * Waits for what is on its way. A server that is behind and goes on is given time, since late is
   * not lost.
   * @param then is told whether all has come that will come
   */
  #settle(then: (isQuiet: boolean) => void): void {
    const startedAt = Date.now();
    let quietSince = startedAt;
    let seen = -1;
    const timer = setInterval(() => {
      const now = Date.now();
      const isSettled = this.book.posted === 0 && this.rooms.every((room) => room.isSettled);
      const arrivals = this.book.arrivals;
      if (arrivals !== seen) quietSince = now;
      seen = arrivals;
      const isQuiet = isSettled || now - quietSince > this.settings.settleMs;
      if (!isQuiet && now - startedAt < SETTLE_MAX_SECONDS * 1_000) return;
      clearInterval(timer);
      then(isQuiet);
    }, POLL_MS);
  }

  #member(room: Room): Member {
    const user = `k6-${String(this.#vu)}-${String(room.readers.length)}`;
    return new Member(this.settings, this.book, room, user);
  }
}
