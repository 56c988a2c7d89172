import type { Address } from "../native/socket.ts";
import type { Chance } from "./chance.ts";

export type Json = Record<string, unknown>;

/** Where a client may connect now; undefined while no server is up. */
export interface Target {
  readonly address: Address | undefined;
  readonly chance: Chance;
}

export interface LinkListener {
  /** Connected and authenticated, again and again. */
  up(): void;
  /** Everything that was sent since the last {@link up} and not answered has an unknown outcome. */
  down(): void;
  /** @param text the line as it came */
  line(line: Json, text: string): void;
}

const CONNECT_ID = 1;
const RETRY_MS_MIN = 20;
const RETRY_MS_MAX = 150;

/** A connection that comes back: a client as others write it, on the runtime's own WebSocket. */
export class Link {
  readonly #target: Target;
  readonly #token: string;
  readonly #listener: LinkListener;
  #socket: WebSocket | undefined;
  #isUp = false;
  #isStopped = false;
  #timer: Timer | undefined;
  #nextId = CONNECT_ID + 1;

  constructor(target: Target, token: string, listener: LinkListener) {
    this.#target = target;
    this.#token = token;
    this.#listener = listener;
    this.#open();
  }

  get isUp(): boolean {
    return this.#isUp;
  }

  nextId(): number {
    return this.#nextId++;
  }

  /** Sends commands in one frame. */
  send(lines: readonly string[]): void {
    if (this.#isUp && lines.length > 0) this.#socket?.send(lines.join("\n"));
  }

  /** Ends the connection without a word; it comes back. */
  drop(): void {
    this.#socket?.terminate();
  }

  stop(): void {
    this.#isStopped = true;
    clearTimeout(this.#timer);
    this.#socket?.terminate();
  }

  #open(): void {
    const { address } = this.#target;
    if (!address) {
      this.#retry();
      return;
    }
    const socket = new WebSocket(
      `ws://${address.hostname}:${address.port}/v1/socket`,
      "tidegate.v1",
    );
    this.#socket = socket;
    socket.onopen = () =>
      socket.send(
        JSON.stringify({ id: CONNECT_ID, connect: { token: this.#token, client: "torture/1" } }),
      );
    socket.onmessage = ({ data }) => this.#frame(String(data));
    // A refused connection is told by the close event, too.
    socket.onerror = () => undefined;
    socket.onclose = () => {
      if (this.#socket !== socket) return;
      this.#socket = undefined;
      if (this.#isUp) this.#listener.down();
      this.#isUp = false;
      this.#retry();
    };
  }

  #frame(text: string): void {
    for (const line of text.split("\n")) {
      if (line === "{}") {
        this.#socket?.send("{}");
        continue;
      }
      const parsed = JSON.parse(line) as Json;
      if (parsed["id"] === CONNECT_ID) {
        if (parsed["connect"] === undefined) throw new Error(`connect was answered by ${line}`);
        this.#isUp = true;
        this.#listener.up();
      } else this.#listener.line(parsed, line);
    }
  }

  #retry(): void {
    if (this.#isStopped) return;
    const wait = this.#target.chance.between(RETRY_MS_MIN, RETRY_MS_MAX);
    this.#timer = setTimeout(() => this.#open(), wait);
  }
}
