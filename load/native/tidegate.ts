import { bodyText } from "./body.ts";
import { CommandWriter, SEND_ID_BASE } from "./command.ts";
import { textFrame } from "./frame.ts";
import { keyNumber, type RunNames } from "./key.ts";
import { LineScanner, type LineSink, USER_PREFIX } from "./line.ts";
import { Member, type MemberContext } from "./member.ts";
import type { Protocol } from "./protocol.ts";
import type { Reading } from "./room.ts";
import { SharedFrames } from "./shared-frames.ts";
import type { Address, Handshake } from "./socket.ts";

type Json = Record<string, unknown>;

const HANDSHAKE: Handshake = { path: "/v1/socket", subprotocol: "tidegate.v1" };
const HEARTBEAT = textFrame("{}");

/** The client protocol `tidegate.v1`. */
export class TidegateProtocol implements Protocol<TidegateMember> {
  readonly places = "counted";
  readonly path = HANDSHAKE.path;
  readonly subprotocol = HANDSHAKE.subprotocol;
  readonly writer: CommandWriter;
  readonly #parts: Shared;

  constructor(names: RunNames) {
    this.writer = new CommandWriter(names);
    const scanner = new LineScanner(names);
    this.#parts = { scanner, frames: new SharedFrames(scanner), prefix: names.roomPrefix };
  }

  createMember(number: number, context: MemberContext): TidegateMember {
    return new TidegateMember(number, context, this.#parts);
  }
}

interface Shared {
  readonly scanner: LineScanner;
  readonly frames: SharedFrames;
  /** Every conversation of the run begins with it. */
  readonly prefix: string;
}

/** A client of Tidegate, whose readings count every place. */
export class TidegateMember extends Member implements LineSink {
  readonly #shared: Shared;
  readonly #readings = new Map<number, Reading>();
  readonly #waiting = new Map<number, PromiseWithResolvers<Json>>();
  #only: Reading | undefined;
  #nextId = 1;

  constructor(number: number, context: MemberContext, shared: Shared) {
    super(number, context);
    this.#shared = shared;
  }

  get readings(): Iterable<Reading> {
    return this.#readings.values();
  }

  async connect(address: Address, token: string): Promise<void> {
    await this.open(address, HANDSHAKE);
    await this.command("connect", { token, client: "load/1" });
  }

  async subscribe(reading: Reading, conversation: string, fromStart: boolean): Promise<void> {
    // Before the command: the first events may come with its reply.
    this.#readings.set(reading.room.number, reading);
    this.#only = this.#readings.size === 1 ? reading : undefined;
    // A conversation has no epoch before its first event.
    const asks = fromStart || reading.epoch === "";
    const from = asks ? await this.command("history", { conversation, limit: 1 }) : undefined;
    const epoch = from === undefined ? reading.epoch : String(from["epoch"]);
    const cursor = epoch ? { cursor: `${epoch}.${reading.lastSeq}` } : {};
    const reply = await this.command("subscribe", { conversation, ...cursor });
    reading.epoch = String(reply["epoch"]);
  }

  async head(conversation: string): Promise<number> {
    const reply = await this.command("history", { conversation, limit: 1 });
    return Number(reply["head"]);
  }

  /** @returns what is under the verb in the reply. @throws what the server answered instead */
  async command(verb: string, body: Json): Promise<Json> {
    const id = this.#nextId++;
    const answer = Promise.withResolvers<Json>();
    this.#waiting.set(id, answer);
    this.socket.write(textFrame(JSON.stringify({ id, [verb]: body })));
    const reply = await this.answerTo(verb, answer.promise);
    const result = reply[verb];
    if (typeof result !== "object" || result === null) {
      throw new Error(`${verb} was answered by ${JSON.stringify(reply)}`);
    }
    return result as Json;
  }

  override closed(code: number, reason: string): void {
    super.closed(code, reason);
    for (const answer of this.#waiting.values())
      answer.reject(new Error(`closed with ${this.closedWith}`));
    this.#waiting.clear();
  }

  protected payload(bytes: Buffer, start: number, end: number): void {
    const { scanner, frames } = this.#shared;
    const only = this.#only;
    if (only === undefined || only.room.readers < frames.readersMin) {
      scanner.scan(bytes, start, end, this);
      return;
    }
    const numbers = frames.numbersOf(bytes, start, end, only);
    if (numbers === undefined) frames.learn(bytes, start, end, only, this);
    else this.ledger.deliverKnown(only, this.number, numbers);
  }

  sample(text: string): void {
    const receipt = (JSON.parse(text) as { send: { durability: string } }).send;
    const counts = this.ledger.durabilities;
    counts.set(receipt.durability, (counts.get(receipt.durability) ?? 0) + 1);
  }

  event(room: number, seq: number, number: number, sender: number, isRight: boolean): void {
    const { ledger } = this;
    const reading = this.#only ?? this.#readings.get(room);
    if (!isRight) ledger.faults.altered++;
    if (!reading || reading.room.number !== room) ledger.faults.foreign++;
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
      } else this.refused(id - SEND_ID_BASE, String((line["error"] as Json)["code"]));
      return;
    }
    this.#waiting.get(id)?.resolve(line);
    this.#waiting.delete(id);
  }

  #push(push: Json, text: string): void {
    const { ledger } = this;
    if (push["refused"] !== undefined) ledger.faults.refused++;
    const named = (push["live"] ?? push["lag"] ?? push["reset"] ?? push) as {
      conversation?: string;
    };
    const isOfRun = named.conversation?.startsWith(this.#shared.prefix) === true;
    const room = Number(named.conversation?.slice(-7));
    const reading = isOfRun ? this.#readings.get(room) : undefined;
    if (!reading) {
      if (push["event"] !== undefined) ledger.faults.foreign++;
      return;
    }
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
