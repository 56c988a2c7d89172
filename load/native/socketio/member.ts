import { BODY_NUMBER_AT, BODY_VARIANTS, bodyText } from "../body.ts";
import { SEND_ID_BASE } from "../command.ts";
import { readDecimal, readHex32 } from "../digits.ts";
import { textFrame } from "../frame.ts";
import { KEY_BYTES, keyNumber, ROOM_DIGITS, type RunNames } from "../key.ts";
import { USER_DIGITS, USER_PREFIX, userName } from "../line.ts";
import { Member, type MemberContext } from "../member.ts";
import type { Protocol } from "../protocol.ts";
import type { Reading } from "../room.ts";
import type { Address, Handshake } from "../socket.ts";
import { SocketIoWriter } from "./command.ts";
import { connectPacket, eventPacket, parsePacket, PONG, SOCKET_IO_PATH } from "./packet.ts";

const HANDSHAKE: Handshake = { path: SOCKET_IO_PATH, subprotocol: undefined };
const PONG_FRAME = textFrame(PONG);
const ACK = 51;
const EVENT = 50;
const BRACKET = 91;
const QUOTE = 34;
const ID_DIGITS = 10;
/** A bit each in what is known of a message. */
const READERS_MAX = 32;

// The server parses and writes anew: every text in the shortest form that JSON has for it.
const BODIES = Array.from({ length: BODY_VARIANTS }, (_, variant) =>
  Buffer.from(JSON.stringify(JSON.parse(bodyText(variant)))),
);
const AFTER_NUMBER = BODY_NUMBER_AT + 8;

/**
 * Socket.IO over WebSocket alone. A message is sent with an acknowledgement, and comes to everyone
 * in the room as `["message", room, key, sender, content]`. See `load/socketio/server.ts`.
 */
export class SocketIoProtocol implements Protocol<SocketIoMember> {
  readonly places = "none";
  readonly path = HANDSHAKE.path;
  readonly subprotocol = HANDSHAKE.subprotocol;
  readonly writer: SocketIoWriter;
  readonly #layout: EventLayout;

  constructor(names: RunNames) {
    this.writer = new SocketIoWriter(names);
    this.#layout = new EventLayout(names);
  }

  createMember(number: number, context: MemberContext): SocketIoMember {
    return new SocketIoMember(number, context, this.#layout);
  }
}

/** Where the parts of a `message` event are; all of them have a fixed length. */
class EventLayout {
  readonly head: Buffer;
  readonly roomAt: number;
  readonly keyAt: number;
  readonly senderAt: number;
  readonly bodyAt: number;

  constructor(names: RunNames) {
    this.head = Buffer.from(`42["message","${names.roomPrefix}`);
    this.roomAt = this.head.length;
    this.keyAt = this.roomAt + ROOM_DIGITS + 3;
    this.senderAt = this.keyAt + KEY_BYTES + 3 + USER_PREFIX.length;
    this.bodyAt = this.senderAt + USER_DIGITS + 2;
  }
}

/** A client of Socket.IO, whose messages have no places: each reader must get each one once. */
export class SocketIoMember extends Member {
  readonly readings = [];
  readonly #layout: EventLayout;
  readonly #waiting = new Map<number, PromiseWithResolvers<void>>();
  /** By room: which of its readers this one is. */
  readonly #readerBits = new Map<number, number>();
  readonly #lastOf = new Map<number, number>();
  #nextId = 1;
  #whenConnected: PromiseWithResolvers<void> | undefined;

  constructor(number: number, context: MemberContext, layout: EventLayout) {
    super(number, context);
    this.#layout = layout;
  }

  async connect(address: Address): Promise<void> {
    await this.open(address, HANDSHAKE);
    const connected = (this.#whenConnected = Promise.withResolvers());
    this.socket.write(textFrame(connectPacket({ user: userName(this.number) })));
    await this.answerTo("connect", connected.promise);
  }

  async subscribe({ room }: Reading, conversation: string): Promise<void> {
    if (room.readers > READERS_MAX) throw new Error(`rooms have at most ${READERS_MAX} readers`);
    if (!this.#readerBits.has(room.number))
      this.#readerBits.set(room.number, 1 << (room.readers - 1));
    const id = this.#nextId++;
    const joined = Promise.withResolvers<void>();
    this.#waiting.set(id, joined);
    this.socket.write(textFrame(eventPacket(id, "join", conversation)));
    await this.answerTo("join", joined.promise);
  }

  async head(): Promise<undefined> {
    return undefined;
  }

  override closed(code: number, reason: string): void {
    super.closed(code, reason);
    const error = new Error(`closed with ${this.closedWith}`);
    this.#whenConnected?.reject(error);
    for (const answer of this.#waiting.values()) answer.reject(error);
    this.#waiting.clear();
  }

  protected payload(bytes: Buffer, start: number, end: number): void {
    const kind = bytes[start + 1];
    if (kind === ACK && this.#ack(bytes, start, end)) return;
    if (kind === EVENT && this.#event(bytes, start, end)) return;
    this.#other(bytes.toString("utf8", start, end));
  }

  /** `43<id>[…]` of a message. */
  #ack(bytes: Buffer, start: number, end: number): boolean {
    const id = readDecimal(bytes, start + 2, ID_DIGITS);
    if (id < SEND_ID_BASE || start + 12 > end || bytes[start + 12] !== BRACKET) return false;
    this.receipt(id - SEND_ID_BASE, true);
    return true;
  }

  #event(bytes: Buffer, start: number, end: number): boolean {
    const { head, roomAt, keyAt, senderAt, bodyAt } = this.#layout;
    if (bytes.compare(head, 0, head.length, start, start + head.length) !== 0) return false;
    const room = readDecimal(bytes, start + roomAt, ROOM_DIGITS);
    const number = keyNumber(bytes, start + keyAt);
    const sender = readDecimal(bytes, start + senderAt, USER_DIGITS);
    const body = BODIES[number % BODY_VARIANTS];
    const at = start + bodyAt;
    if (room < 0 || number < 0 || sender < 0 || body === undefined) return false;
    if (at + body.length + 1 !== end || bytes[at - 2] !== QUOTE) return false;
    const isRight =
      readHex32(bytes, at + BODY_NUMBER_AT) === number &&
      bytes.compare(body, 0, BODY_NUMBER_AT, at, at + BODY_NUMBER_AT) === 0 &&
      bytes.compare(body, AFTER_NUMBER, body.length, at + AFTER_NUMBER, end - 1) === 0;
    this.#deliver(room, number, sender, isRight);
    return true;
  }

  #deliver(room: number, number: number, sender: number, isRight: boolean): void {
    const { faults } = this.ledger;
    const readerBit = this.#readerBits.get(room);
    if (!isRight) faults.altered++;
    if (readerBit === undefined) {
      faults.foreign++;
      return;
    }
    if (!this.ledger.deliverUnplaced(number, this.number, sender, readerBit)) return;
    const last = this.#lastOf.get(sender);
    if (last !== undefined && last > number) faults.reordered++;
    this.#lastOf.set(sender, number);
  }

  #other(text: string): void {
    const packet = parsePacket(text);
    if (packet.kind === "ping") this.socket.write(PONG_FRAME);
    else if (packet.kind === "connected") this.#whenConnected?.resolve();
    else if (packet.kind === "ack") {
      this.#waiting.get(packet.id)?.resolve();
      this.#waiting.delete(packet.id);
    } else if (packet.kind === "event") this.#laidOutOtherwise(packet.args);
    else if (packet.kind === "error") throw new Error(`the server said ${text.slice(0, 200)}`);
  }

  /** An event that is the same JSON in other bytes, or not of this run. */
  #laidOutOtherwise([room, key, sender, content]: readonly unknown[]): void {
    const number = keyNumber(Buffer.from(String(key)), 0);
    const wanted: unknown = number < 0 ? undefined : JSON.parse(bodyText(number));
    const from = Number(String(sender).slice(USER_PREFIX.length));
    const isRight = Bun.deepEquals(content, wanted);
    this.#deliver(Number(String(room).slice(-ROOM_DIGITS)), number, from, isRight);
  }
}
