import { Churn } from "./churn.ts";
import type { RunNames } from "./key.ts";
import { type Faults, Ledger } from "./ledger.ts";
import { userName } from "./line.ts";
import type { Member, MemberContext } from "./member.ts";
import { ClosedLoop, OpenLoop, type Pace, type PaceOptions, Sender } from "./pace.ts";
import type { Protocol } from "./protocol.ts";
import { Reading, Room } from "./room.ts";
import type { Address } from "./socket.ts";
import { within } from "./within.ts";

const CONNECTS_AT_ONCE = 200;
const QUIET_MS = 300;
const PATIENCE_MS = 10_000;
/** Beyond what an opening socket's parts may take each, so that they say first what is wrong. */
const ANSWER_MS = 60_000;

export interface GeneratorOptions {
  /** Each socket goes to one of them at random. */
  readonly addresses: readonly Address[];
  /** A token for this user with every capability; the tenant is that of the layout. */
  token(user: string, tenant?: string): string | Promise<string>;
  readonly names: RunNames;
  /** Number of the first member: no two processes of a run have members in common. */
  readonly firstMember?: number;
  /** How long nothing may come before what is missing counts as lost; 10 s when absent. */
  readonly patienceMs?: number;
  /** How long one socket may take until it is ready, and an answer to come; 60 s when absent. */
  readonly answerMs?: number;
  /**
   * Gives up what is settled, so that memory does not grow with the run; nobody can read a room
   * from its start then once something was sent. Everything is kept when absent.
   */
  readonly forgets?: boolean;
}

export interface Layout {
  readonly sockets: number;
  readonly roomSize: number;
  /** Rooms that each socket reads and sends to; 1 when absent. */
  readonly roomsPerSocket?: number;
  /** Members of each room that send; all when absent. */
  readonly sendersPerRoom?: number;
  /** Whose the rooms are, in turn; the token's default when absent. */
  readonly tenants?: readonly string[];
}

/** What happened between two moments of a run. */
export interface Measured {
  readonly seconds: number;
  readonly sent: number;
  readonly acked: number;
  readonly delivered: number;
}

/** Many clients in one process: connects them, lets a pace drive them, and checks what came back. */
export class Generator<M extends Member = Member> implements MemberContext {
  readonly names: RunNames;
  readonly ledger: Ledger;
  readonly members: M[] = [];
  readonly rooms = new Map<number, Room>();
  readonly #options: GeneratorOptions;
  readonly #protocol: Protocol<M>;
  readonly #sender: Sender;
  readonly #tenants = new Map<Member, string | undefined>();
  #layout: Layout = { sockets: 0, roomSize: 1 };
  #pace: Pace | undefined;
  #churn: Churn | undefined;

  constructor(options: GeneratorOptions, protocol: Protocol<M>) {
    this.#options = options;
    this.#protocol = protocol;
    this.names = options.names;
    this.ledger = new Ledger(options);
    this.#sender = new Sender(this.ledger, protocol.writer);
  }

  turn(member: Member): void {
    this.#pace?.turn(member);
  }

  /** Connects `layout.sockets` members and puts them into rooms of `layout.roomSize`. */
  async connect(layout: Layout): Promise<void> {
    this.#layout = layout;
    this.ledger.sightings = this.#sightings(layout);
    const { roomSize, sendersPerRoom = roomSize, tenants = [] } = layout;
    const perSocket = layout.roomsPerSocket ?? 1;
    const first = this.members.length;
    let ready = 0;
    const open = async (index: number): Promise<void> => {
      const group = Math.floor((first + index) / roomSize);
      const member = await this.join(tenants[group % tenants.length]);
      const targets = Array.from({ length: perSocket }, (_, i) => group * perSocket + i);
      for (const room of targets) await this.subscribe(member, room);
      if ((first + index) % roomSize < sendersPerRoom) member.targets = targets;
      ready++;
    };
    try {
      await inGroups(layout.sockets, (index) => this.#inTime(open(index)));
    } catch (error) {
      const waiting = waitingFor(this.members.slice(first));
      const state = [`${ready} of ${layout.sockets} sockets are ready`, ...waiting].join(", ");
      const message = error instanceof Error ? error.message : String(error);
      throw new Error(`${state}: ${message}`, { cause: error });
    }
  }

  /** Connects one more member that reads and sends nothing yet. */
  async join(tenant?: string): Promise<M> {
    const number = (this.#options.firstMember ?? 0) + this.members.length;
    const member = this.#protocol.createMember(number, this);
    this.members.push(member);
    this.#tenants.set(member, tenant);
    await this.#connectOne(member);
    return member;
  }

  /**
   * Subscribes from the head, or from the conversation's start when `fromStart`.
   * @returns its place there
   */
  async subscribe(member: M, number: number, fromStart = false): Promise<Reading> {
    const { forgets = false } = this.#options;
    if (forgets && fromStart && this.ledger.sent > 0)
      throw new Error("a room cannot be read from its start when messages were forgotten");
    let room = this.rooms.get(number);
    if (!room) {
      room = new Room(number, 0, forgets);
      this.rooms.set(number, room);
    }
    // The reply says where the reading starts, but events may come in the same turn: they need it.
    const reading = new Reading(room, fromStart ? 0 : room.seen, !fromStart);
    await member.subscribe(reading, this.names.room(number), fromStart);
    return reading;
  }

  start(pace: PaceOptions): void {
    if (pace.kind === "open") this.openLoop(pace.rate, pace.perFrame);
    else this.closedLoop(pace.window, pace.perFrame, pace.framesMax);
  }

  closedLoop(window: number, perFrame: number, framesMax?: number): ClosedLoop {
    return this.#start(new ClosedLoop(this.#sender, window, perFrame, framesMax));
  }

  openLoop(rate: number, perFrame = 1): OpenLoop {
    return this.#start(new OpenLoop(this.#sender, rate, perFrame));
  }

  /** From now on a share of the members reconnects every second, and reads on from its cursor. */
  churn(share: number): Churn {
    const rejoin = async (member: Member): Promise<void> => {
      await this.#connectOne(member);
      for (const reading of member.readings)
        await member.subscribe(reading, this.names.room(reading.room.number), false);
    };
    this.#churn = new Churn(this.members, share, {
      rejoin: (member) => this.#inTime(rejoin(member), member),
      back: (member) => this.#pace?.back(member),
    });
    this.#churn.start();
    return this.#churn;
  }

  /** Begins what is counted and timed anew. @returns how much there was before */
  mark(): Measured {
    const { sent, acked, delivered } = this.ledger;
    this.ledger.timeFrom(performance.now());
    return { seconds: 0, sent, acked, delivered };
  }

  /** Runs on for `ms` and tells what happened in that time. */
  async measure(ms: number): Promise<Measured> {
    const startedAt = performance.now();
    const before = this.mark();
    await Bun.sleep(ms);
    const { sent, acked, delivered } = this.ledger;
    return {
      seconds: (performance.now() - startedAt) / 1000,
      sent: sent - before.sent,
      acked: acked - before.acked,
      delivered: delivered - before.delivered,
    };
  }

  /**
   * Stops sending, waits until every answer and every delivery is there or nothing has come for a
   * while, asks the server for its heads, and counts.
   * @param isPatient lets a pace with an end come to it first
   */
  async settle(timeoutMs = 60_000, isPatient = false): Promise<Faults> {
    if (!isPatient) this.#pace?.stop();
    await this.#churn?.stop();
    const { ledger } = this;
    const deadline = performance.now() + timeoutMs;
    let seen = -1;
    let quietSince = performance.now();
    while (performance.now() < deadline) {
      const count = ledger.acked + ledger.delivered + ledger.faults.refused;
      if (count !== seen) quietSince = performance.now();
      seen = count;
      if (ledger.unanswered === 0 && performance.now() - quietSince > QUIET_MS) {
        const { patienceMs = PATIENCE_MS } = this.#options;
        if ((await this.#isComplete()) || performance.now() - quietSince > patienceMs) break;
      }
      await Bun.sleep(20);
    }
    if (this.#protocol.places === "counted") await this.#readHeads();
    if (this.#protocol.places === "none") ledger.closeUnplaced(this.#layout.roomSize);
    else if (this.#protocol.places === "counted") ledger.close(this.#readings());
    return ledger.faults;
  }

  /** Ends all sockets. */
  close(): void {
    this.#pace?.stop();
    for (const member of this.members) member.leave();
  }

  async #connectOne(member: Member): Promise<void> {
    const { addresses } = this.#options;
    const address = addresses[Math.floor(Math.random() * addresses.length)];
    if (address === undefined) throw new Error("there is no server to connect to");
    const tenant = this.#tenants.get(member);
    await member.connect(address, await this.#options.token(userName(member.number), tenant));
  }

  #sightings({ roomSize }: Layout): number {
    const { places } = this.#protocol;
    if (places === "counted") return 1;
    return places === "none" ? roomSize : 0;
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

  /** Whether everything that was acked has come to everyone, as far as can be known. */
  async #isComplete(): Promise<boolean> {
    const { acked, placed, delivered } = this.ledger;
    const { places } = this.#protocol;
    if (places === "answers") return true;
    if (places === "none") return delivered >= acked * this.#layout.roomSize;
    // The heads are those of the store, which may itself be behind what was acked.
    if (placed < acked) return false;
    await this.#readHeads();
    return this.#readings().every((reading) => reading.lastSeq >= (reading.room.head ?? 0));
  }

  /** Asks members that read a room: another tenant's would not see it. */
  async #readHeads(): Promise<void> {
    const readers = new Map<Room, Member>();
    for (const member of this.members)
      for (const { room } of member.readings) readers.set(room, member);
    const pairs = [...readers];
    await inGroups(pairs.length, async (i) => {
      const [room, member] = pairs[i] as [Room, Member];
      const head = member.head(this.names.room(room.number));
      room.head = await this.#inTime(head, member);
    });
  }

  /** @throws when it takes too long: a run that waits for one member for ever says nothing */
  #inTime<T>(work: Promise<T>, member?: Member): Promise<T> {
    const { answerMs = ANSWER_MS } = this.#options;
    return within(answerMs, work, () => {
      const what = member === undefined ? "" : `waits for ${member.waitsFor ?? "nothing"}: `;
      return `${what}no answer in ${answerMs} ms`;
    });
  }
}

/** How many wait for what. */
function waitingFor(members: readonly Member[]): string[] {
  const counts = new Map<string, number>();
  for (const { waitsFor } of members)
    if (waitsFor !== undefined) counts.set(waitsFor, (counts.get(waitsFor) ?? 0) + 1);
  return [...counts].map(
    ([what, count]) => `${count} ${count === 1 ? "waits" : "wait"} for ${what}`,
  );
}

/** Runs `count` jobs, so many at once. */
async function inGroups(count: number, run: (index: number) => Promise<void>): Promise<void> {
  for (let start = 0; start < count; start += CONNECTS_AT_ONCE) {
    const size = Math.min(CONNECTS_AT_ONCE, count - start);
    await Promise.all(Array.from({ length: size }, (_, i) => run(start + i)));
  }
}
