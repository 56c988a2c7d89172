import { WebSocket } from "k6/websockets";
import type { Book } from "./book.ts";
import { LineCounter, type LineSink } from "./lines.ts";
import { Reading } from "./reading.ts";
import type { Reader, Room } from "./room.ts";
import type { Settings } from "./settings.ts";
import { keyTime, type Template, TEXT } from "./template.ts";
import { signToken } from "./token.ts";

/** Beyond it a message is not sent and counts as failed: a server that is stuck must not fill k6. */
const UNANSWERED_MAX = 20_000;
const CONNECT_ID = 1;
const SUBSCRIBE_ID = 2;
const HEARTBEAT = "{}";

interface OtherLine {
  readonly id?: number;
  readonly connect?: unknown;
  readonly subscribe?: { readonly epoch: string; readonly head: number };
  readonly error?: { readonly code: string; readonly message: string };
  readonly push?: { readonly live?: unknown; readonly refused?: { readonly code: string } };
}

interface EventLine {
  readonly push: {
    readonly conversation: string;
    readonly event: {
      readonly id: string;
      readonly key: string;
      readonly content: { readonly text: string };
    };
  };
}

/** One client: a socket that reads one conversation and may send to it. */
export class Member implements LineSink, Reader {
  readonly reading = new Reading();
  readonly room: Room;
  /** Messages without an answer. */
  unanswered = 0;
  /** Whether it has caught up with its conversation. */
  isLive = false;
  isOpening = false;
  readonly #user: string;
  readonly #settings: Settings;
  readonly #book: Book;
  readonly #counter: LineCounter;
  #socket: WebSocket | undefined;
  #isOpen = false;
  #isLeaving = false;
  #epoch = "";
  #onLive: () => void = () => undefined;

  constructor(settings: Settings, book: Book, room: Room, user: string) {
    this.#settings = settings;
    this.#book = book;
    this.room = room;
    this.#user = user;
    this.#counter = new LineCounter(settings.plan.sampleEvery);
    room.readers.push(this);
  }

  /** Opens its socket, and calls back when it has everything of its conversation up to now. */
  open(onLive: () => void): void {
    this.#onLive = onLive;
    this.#isLeaving = false;
    this.isOpening = true;
    const { socketUrl } = this.#settings;
    const headers = { "Sec-WebSocket-Protocol": "tidegate.v1" };
    const socket = new WebSocket(socketUrl, null, { headers });
    this.#socket = socket;
    let fault = "";
    socket.onopen = () => this.#greet(socket);
    socket.onmessage = (event) => {
      // The other kinds of data are of binary frames, which this protocol has none of.
      if (socket === this.#socket && typeof event?.data === "string") this.#take(event.data);
    };
    socket.onerror = (event) => void (fault = event?.error ?? "");
    socket.onclose = () => {
      if (socket === this.#socket) this.#ended(fault);
    };
  }

  /** @param due ms since 1970; must differ from that of its other frames */
  send(frame: Template, due: number): void {
    this.#book.sent(frame.lines);
    if (!this.#isOpen || this.unanswered > UNANSWERED_MAX) {
      this.#book.failed(frame.lines, this.#isOpen ? "too many without a receipt" : "no socket");
      return;
    }
    this.unanswered += frame.lines;
    this.#socket?.send(frame.make(due));
  }

  close(): void {
    this.#isLeaving = true;
    this.isLive = false;
    if (this.#isOpen) this.#book.second.sockets--;
    this.#isOpen = false;
    this.#socket?.close();
  }

  sample(line: string): void {
    const { conversation, event } = (JSON.parse(line) as EventLine).push;
    const isRight =
      conversation === this.room.name &&
      event.content.text === TEXT &&
      event.id.startsWith(`${event.key}.`);
    if (!isRight) this.#book.altered();
    else if (this.isLive) this.#book.arrived(keyTime(event.key));
  }

  sampleReceipt(line: string): void {
    const id = line.slice(line.indexOf('"message":"') + '"message":"'.length);
    this.#book.answered(keyTime(id));
  }

  run(first: number, last: number, count: number): boolean {
    return this.reading.takeRun(first, last, count);
  }

  each(seq: number): void {
    this.reading.take(seq);
  }

  other(text: string): void {
    if (text === HEARTBEAT) {
      this.#socket?.send(HEARTBEAT);
      return;
    }
    const line = JSON.parse(text) as OtherLine;
    const { error, push, subscribe } = line;
    if (subscribe !== undefined) {
      if (this.#epoch === "") this.reading.startAfter(subscribe.head);
      this.#epoch = subscribe.epoch;
    } else if (error !== undefined) this.#refused(line.id ?? 0, `${error.code}: ${error.message}`);
    else if (push?.refused !== undefined) this.#book.failed(1, push.refused.code);
    else if (push?.live !== undefined) this.#caughtUp();
  }

  #greet(socket: WebSocket): void {
    const { token } = this.#settings;
    const connect = { token: signToken(token, this.#user), client: "k6/1" };
    const place =
      this.#epoch === "" ? {} : { cursor: `${this.#epoch}.${String(this.reading.next - 1)}` };
    const subscribe = { conversation: this.room.name, ...place };
    const lines = [
      { id: CONNECT_ID, connect },
      { id: SUBSCRIBE_ID, subscribe },
    ];
    socket.send(lines.map((line) => JSON.stringify(line)).join("\n"));
    this.#isOpen = true;
    this.#book.second.sockets++;
  }

  #take(frame: string): void {
    this.#book.now = Date.now();
    const { receipts, events } = this.#counter.take(frame, this);
    if (receipts > 0) {
      this.unanswered -= receipts;
      this.room.acked += receipts;
      this.#book.acked(receipts);
    }
    if (events > 0) this.#book.delivered(events);
  }

  #refused(id: number, why: string): void {
    if (id > SUBSCRIBE_ID) this.unanswered--;
    this.#book.failed(1, why);
  }

  #caughtUp(): void {
    if (this.isLive) return;
    this.isLive = true;
    this.isOpening = false;
    const tell = this.#onLive;
    this.#onLive = () => undefined;
    tell();
  }

  #ended(fault: string): void {
    if (this.#isLeaving) return;
    if (this.#isOpen) this.#book.second.sockets--;
    this.#isOpen = false;
    this.isLive = false;
    this.isOpening = false;
    this.#book.closed(fault === "" ? "by the server" : fault);
    this.#book.failed(1, "a socket was closed");
  }
}
