import type { Ledger } from "./ledger.ts";
import type { Reading } from "./room.ts";
import { type Address, type Handshake, NativeSocket, type SocketListener } from "./socket.ts";

/** What members of one run share. */
export interface MemberContext {
  readonly ledger: Ledger;
  /** Called after every read of a socket, to send what has become due on it. */
  turn(member: Member): void;
}

/** One connected client: its socket, and how much of its sending is unanswered. */
export abstract class Member implements SocketListener {
  readonly number: number;
  readonly #context: MemberContext;
  #socket: NativeSocket | undefined;
  #isTimed = false;
  /** Messages that were answered since the pace looked last. */
  answered = 0;
  /** Messages that are not answered yet. */
  unanswered = 0;
  /** Frames that the pace may still send. */
  credit = 0;
  framesLeft = 0;
  /** Sends nothing at the moment. */
  isAway = false;
  /** The rooms it sends to, in turn. */
  targets: readonly number[] = [];
  nextTarget = 0;
  closedWith: string | undefined;
  /** What it asked its server for and does not have yet. */
  waitsFor: string | undefined;

  constructor(number: number, context: MemberContext) {
    this.number = number;
    this.#context = context;
  }

  /** Opens the socket and says who it is. Called again after {@link leave}. */
  abstract connect(address: Address, token: string): Promise<void>;

  /** Reads a room from now on, or what was missed since `reading` when it did before. */
  abstract subscribe(reading: Reading, conversation: string, fromStart: boolean): Promise<void>;

  /** The server's own count of a conversation's messages; undefined when it counts none. */
  abstract head(conversation: string): Promise<number | undefined>;

  /** What it reads, with its place there. */
  abstract get readings(): Iterable<Reading>;

  protected abstract payload(bytes: Buffer, start: number, end: number): void;

  get socket(): NativeSocket {
    if (!this.#socket) throw new Error("the member is not connected");
    return this.#socket;
  }

  get ledger(): Ledger {
    return this.#context.ledger;
  }

  /** Drops its socket without a word. */
  leave(): void {
    this.#socket?.terminate();
    this.#socket = undefined;
  }

  opened(socket: NativeSocket): void {
    this.#socket = socket;
  }

  text(bytes: Buffer, start: number, end: number): void {
    if (!this.#isTimed) {
      this.ledger.now = performance.now();
      this.#isTimed = true;
    }
    this.payload(bytes, start, end);
  }

  turn(): void {
    this.#isTimed = false;
    this.#context.turn(this);
  }

  closed(code: number, reason: string): void {
    this.closedWith = `${code} ${reason}`;
  }

  receipt(number: number, isRight: boolean): void {
    this.answered++;
    this.unanswered--;
    this.ledger.receipt(number, isRight);
  }

  protected refused(number: number, code: string): void {
    this.answered++;
    this.unanswered--;
    this.ledger.refuse(number, code);
  }

  protected async open(address: Address, handshake: Handshake): Promise<void> {
    this.closedWith = undefined;
    this.waitsFor = "a handshake";
    await NativeSocket.open(address, this, handshake);
    this.waitsFor = undefined;
  }

  /**
   * Awaits what the server has to answer to something that is on its way.
   * @param verb what it was
   * @throws when the socket has ended: nobody would tell it once more
   */
  protected async answerTo<T>(verb: string, answer: Promise<T>): Promise<T> {
    if (this.closedWith !== undefined) throw new Error(`closed with ${this.closedWith}`);
    this.waitsFor = `an answer to ${verb}`;
    const result = await answer;
    this.waitsFor = undefined;
    return result;
  }
}
