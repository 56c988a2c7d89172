import { CommandWriter } from "./command.ts";
import { RunNames } from "./key.ts";
import { type Faults, Ledger } from "./ledger.ts";
import { LineScanner, userName } from "./line.ts";
import { Member, type MemberContext } from "./member.ts";
import { ClosedLoop, OpenLoop, type Pace, Sender } from "./pace.ts";
import { Reading, Room } from "./room.ts";
import type { Address } from "./socket.ts";

const CONNECTS_AT_ONCE = 200;
const QUIET_MS = 300;

export interface GeneratorOptions extends Address {
  /** A token for this user with every capability. */
  token(user: string): string | Promise<string>;
  readonly names?: RunNames;
}

export interface Layout {
  readonly sockets: number;
  readonly roomSize: number;
  /** Rooms that each socket reads and sends to; 1 when absent. */
  readonly roomsPerSocket?: number;
}

/** What happened between two moments of a run. */
export interface Measured {
  readonly seconds: number;
  readonly sent: number;
  readonly acked: number;
  readonly delivered: number;
}

/** Many clients in one process: connects them, lets a pace drive them, and checks what came back. */
export class Generator implements MemberContext {
  readonly names: RunNames;
  readonly ledger = new Ledger();
  readonly scanner: LineScanner;
  readonly members: Member[] = [];
  readonly rooms = new Map<number, Room>();
  readonly #options: GeneratorOptions;
  readonly #sender: Sender;
  #pace: Pace | undefined;

  constructor(options: GeneratorOptions) {
    this.#options = options;
    this.names = options.names ?? new RunNames();
    this.scanner = new LineScanner(this.names);
    this.#sender = new Sender(this.ledger, new CommandWriter(this.names));
  }

  turn(member: Member): void {
    this.#pace?.turn(member);
  }

  /** Connects `layout.sockets` members and puts them into rooms of `layout.roomSize`. */
  async connect(layout: Layout): Promise<void> {
    const perSocket = layout.roomsPerSocket ?? 1;
    await inGroups(layout.sockets, async () => {
      const member = await this.join();
      const group = Math.floor(member.number / layout.roomSize);
      const targets: number[] = [];
      for (let i = 0; i < perSocket; i++) targets.push(group * perSocket + i);
      for (const room of targets) await this.subscribe(member, room);
      member.targets = targets;
    });
  }

  /** Connects one more member that reads and sends nothing yet. */
  async join(): Promise<Member> {
    const member = new Member(this.members.length, this);
    this.members.push(member);
    await member.connect(this.#options, await this.#options.token(userName(member.number)));
    return member;
  }

  /**
   * Subscribes from the head, or from the conversation's start when `fromStart`.
   * @returns its place there
   */
  async subscribe(member: Member, number: number, fromStart = false): Promise<Reading> {
    const conversation = this.names.room(number);
    let room = this.rooms.get(number);
    if (!room) {
      room = new Room(number, 0);
      this.rooms.set(number, room);
    }
    // The reply says where the reading starts, but events may come in the same turn: they need it.
    const reading = new Reading(room, fromStart ? 0 : room.seen, !fromStart);
    member.read(reading);
    if (!fromStart) {
      await member.command("subscribe", { conversation });
      return reading;
    }
    const { epoch } = await this.#history(number, member);
    await member.command("subscribe", { conversation, cursor: `${epoch}.0` });
    return reading;
  }

  closedLoop(window: number, perFrame: number, framesMax?: number): ClosedLoop {
    return this.#start(new ClosedLoop(this.#sender, window, perFrame, framesMax));
  }

  openLoop(rate: number): OpenLoop {
    return this.#start(new OpenLoop(this.#sender, rate));
  }

  /** Runs on for `ms` and tells what happened in that time. */
  async measure(ms: number): Promise<Measured> {
    const { ledger } = this;
    const before = { sent: ledger.sent, acked: ledger.acked, delivered: ledger.delivered };
    const startedAt = performance.now();
    ledger.timeFrom(startedAt);
    await Bun.sleep(ms);
    const seconds = (performance.now() - startedAt) / 1000;
    return {
      seconds,
      sent: ledger.sent - before.sent,
      acked: ledger.acked - before.acked,
      delivered: ledger.delivered - before.delivered,
    };
  }

  /**
   * Stops sending, waits until every answer and every delivery is there or nothing has come for a
   * while, asks the server for its heads, and counts.
   * @param isPatient lets a pace with an end come to it first
   */
  async settle(timeoutMs = 60_000, isPatient = false): Promise<Faults> {
    if (!isPatient) this.#pace?.stop();
    const { ledger } = this;
    const deadline = performance.now() + timeoutMs;
    let seen = -1;
    let quietSince = performance.now();
    while (performance.now() < deadline) {
      const count = ledger.acked + ledger.delivered + ledger.faults.refused;
      if (count !== seen) quietSince = performance.now();
      seen = count;
      if (ledger.unanswered === 0 && performance.now() - quietSince > QUIET_MS) {
        await this.#readHeads();
        const behind = this.#readings().some(
          (reading) => reading.lastSeq < (reading.room.head ?? 0),
        );
        if (!behind || performance.now() - quietSince > 10 * QUIET_MS) break;
      }
      await Bun.sleep(20);
    }
    ledger.close(this.#readings());
    return ledger.faults;
  }

  /** Ends all sockets. */
  close(): void {
    this.#pace?.stop();
    for (const member of this.members) member.socket.terminate();
  }

  #start<T extends Pace>(pace: T): T {
    this.#pace?.stop();
    this.#pace = pace;
    pace.start(this.members);
    return pace;
  }

  #readings(): Reading[] {
    return this.members.flatMap((member) => [...member.readings]);
  }

  async #history(number: number, member: Member): Promise<{ head: number; epoch: string }> {
    const conversation = this.names.room(number);
    const reply = await member.command("history", { conversation, limit: 1 });
    return { head: Number(reply["head"]), epoch: String(reply["epoch"]) };
  }

  async #readHeads(): Promise<void> {
    const rooms = [...this.rooms.values()];
    await inGroups(rooms.length, async (i) => {
      const room = rooms[i] as Room;
      const member = this.members[i % this.members.length] as Member;
      room.head = (await this.#history(room.number, member)).head;
    });
  }
}

/** Runs `count` jobs, so many at once. */
async function inGroups(count: number, run: (index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < count; start += CONNECTS_AT_ONCE) {
    const size = Math.min(CONNECTS_AT_ONCE, count - start);
    await Promise.all(Array.from({ length: size }, (_, i) => run(start + i)));
  }
}
