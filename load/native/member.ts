import { bodyText } from "./body.ts";
import { SEND_ID_BASE } from "./command.ts";
import { textFrame } from "./frame.ts";
import { keyNumber } from "./key.ts";
import type { Ledger } from "./ledger.ts";
import { type LineScanner, type LineSink, USER_PREFIX } from "./line.ts";
import type { Reading } from "./room.ts";
import type { Address, SocketListener } from "./socket.ts";
import { NativeSocket } from "./socket.ts";

type Json = Record<string, unknown>;

/** What members of one run share. */
export interface MemberContext {
  readonly ledger: Ledger;
  readonly scanner: LineScanner;
  /** Called after every read of a socket, to send what has become due on it. */
  turn(member: Member): void;
}

/** One connected client: its socket, its readings, and how much of its sending is unanswered. */
export class Member implements SocketListener, LineSink {
  readonly number: number;
  readonly #context: MemberContext;
  readonly #readings = new Map<number, Reading>();
  readonly #waiting = new Map<number, PromiseWithResolvers<Json>>();
  #only: Reading | undefined;
  #socket: NativeSocket | undefined;
  #nextId = 1;
  #isTimed = false;
  /** Commands that were answered since the pace looked last. */
  answered = 0;
  /** Frames that the pace may still send. */
  credit = 0;
  framesLeft = 0;
  /** The rooms it sends to, in turn. */
  targets: readonly number[] = [];
  nextTarget = 0;
  closedWith: string | undefined;

  constructor(number: number, context: MemberContext) {
    this.number = number;
    this.#context = context;
  }

  async connect(address: Address, token: string): Promise<Json> {
    this.#socket = await NativeSocket.open(address, this);
    return this.command("connect", { token, client: "load/1" });
  }

  get socket(): NativeSocket {
    if (!this.#socket) throw new Error("the member is not connected");
    return this.#socket;
  }

  get readings(): Iterable<Reading> {
    return this.#readings.values();
  }

  /** Must be called before the subscription, whose first events may come with its reply. */
  read(reading: Reading): void {
    this.#readings.set(reading.room.number, reading);
    this.#only = this.#readings.size === 1 ? reading : undefined;
  }

  /** @returns what is under the verb in the reply. @throws what the server answered instead */
  async command(verb: string, body: Json): Promise<Json> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<Json>();
    this.#waiting.set(id, answer);
    this.socket.write(textFrame(JSON.stringify({ id, [verb]: body })));
    const reply = await answer.promise;
    const result = reply[verb];
    if (typeof result !== "object" || result === null) {
      throw new Error(`${verb} was answered by ${JSON.stringify(reply)}`);
    }
    return result as Json;
  }

  text(bytes: Buffer, start: number, end: number): void {
    if (!this.#isTimed) {
      this.#context.ledger.now = performance.now();
      this.#isTimed = true;
    }
    this.#context.scanner.scan(bytes, start, end, this);
  }

  turn(): void {
    this.#isTimed = false;
    this.#context.turn(this);
  }

  closed(code: number, reason: string): void {
    this.closedWith = `${code} ${reason}`;
    for (const answer of this.#waiting.values()) answer.reject(new Error(this.closedWith));
    this.#waiting.clear();
  }

  receipt(number: number, isRight: boolean): void {
    this.answered++;
    this.#context.ledger.receipt(number, isRight);
  }

  sample(text: string): void {
    const receipt = (JSON.parse(text) as { send: { durability: string } }).send;
    const counts = this.#context.ledger.durabilities;
    counts.set(receipt.durability, (counts.get(receipt.durability) ?? 0) + 1);
  }

  event(room: number, seq: number, number: number, sender: number, isRight: boolean): void {
    const { ledger } = this.#context;
    const reading = this.#only ?? this.#readings.get(room);
    if (!isRight) ledger.faults.altered++;
    if (!reading || reading.room.number !== room) ledger.faults.altered++;
    else ledger.deliver(reading, this.number, seq, number, sender);
  }

  other(text: string): void {
    if (text === "{}") {
      this.socket.write(HEARTBEAT);
      return;
    }
    const line = JSON.parse(text) as Json;
    if (line["push"] !== undefined) this.#push(line["push"] as Json, text);
    else this.#reply(line);
  }

  #reply(line: Json): void {
    const id = Number(line["id"]);
    if (id >= SEND_ID_BASE) {
      if (line["error"] === undefined) {
        const message = Buffer.from((line["send"] as { message: string }).message);
        this.receipt(id - SEND_ID_BASE, keyNumber(message, 0) === id - SEND_ID_BASE);
        return;
      }
      this.answered++;
      this.#context.ledger.refuse(id - SEND_ID_BASE);
      return;
    }
    this.#waiting.get(id)?.resolve(line);
    this.#waiting.delete(id);
  }

  #push(push: Json, text: string): void {
    const { ledger } = this.#context;
    if (push["refused"] !== undefined) ledger.faults.refused++;
    const named = (push["live"] ?? push["lag"] ?? push["reset"] ?? push) as {
      conversation?: string;
    };
    const room = Number(named.conversation?.slice(-7));
    const reading = this.#readings.get(room);
    if (!reading) return;
    if (push["live"] !== undefined) reading.live(performance.now());
    else if (push["lag"] !== undefined) reading.lags++;
    else if (push["event"] !== undefined) {
      const event = push["event"] as { id: string; key: string; sender: string };
      const number = keyNumber(Buffer.from(event.id), 0);
      const sender = Number(event.sender.slice(USER_PREFIX.length));
      const isRight = event.id.startsWith(`${event.key}.`) && text.includes(bodyText(number));
      this.event(room, Number(push["seq"]), number, sender, isRight);
    }
  }
}

const HEARTBEAT = textFrame("{}");
