import { createHash } from "node:crypto";
import type { Socket } from "bun";
import { FrameReader, pongFrame, type FrameSink } from "./frame.ts";

const TIDEGATE: Handshake = { path: "/v1/socket", subprotocol: "tidegate.v1" };
const GUID = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
const END_OF_HEAD = "\r\n\r\n";
/** A run that waits for one socket for ever says nothing. */
const OPEN_TIMEOUT_MS = 30_000;
/** Bytes that may wait for one socket before the run is given up: the server reads no more. */
const PENDING_BYTES_MAX = 64 * 1024 * 1024;

export interface Address {
  readonly hostname: string;
  readonly port: number;
}

/** Where and as what a WebSocket is opened. */
export interface Handshake {
  readonly path: string;
  readonly subprotocol: string | undefined;
}

/** Hears what comes on one socket; the bytes are valid during the call only. */
export interface SocketListener {
  /** The socket takes what is written. Called before anything that came with the handshake. */
  opened?(socket: NativeSocket): void;
  text(bytes: Buffer, start: number, end: number): void;
  /** All frames of one read were handed over: the moment to write what they led to. */
  turn(): void;
  closed(code: number, reason: string): void;
}

/** A WebSocket client over bare TCP, as cheap as one process with many thousands of them needs. */
export class NativeSocket implements FrameSink {
  readonly #listener: SocketListener;
  readonly #frames = new FrameReader();
  readonly #key: string;
  readonly #handshakeOf: Handshake;
  #tcp: Socket<NativeSocket> | undefined;
  #head: string | undefined = "";
  #pending: Uint8Array[] = [];
  #pendingBytes = 0;
  #closed = false;
  #opened = Promise.withResolvers<NativeSocket>();

  private constructor(listener: SocketListener, handshake: Handshake) {
    this.#listener = listener;
    this.#handshakeOf = handshake;
    this.#key = Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString("base64");
  }

  /** Resolves after the handshake; rejects with what the server said instead. */
  static async open(
    address: Address,
    listener: SocketListener,
    handshake: Handshake = TIDEGATE,
  ): Promise<NativeSocket> {
    const socket = new NativeSocket(listener, handshake);
    const { hostname, port } = address;
    const late = `no handshake with ${hostname}:${port} within ${OPEN_TIMEOUT_MS} ms`;
    const timer = setTimeout(() => socket.closed(1006, late), OPEN_TIMEOUT_MS);
    // A refused connection rejects here; from then on the handlers speak.
    Bun.connect<NativeSocket>({ hostname, port, data: socket, socket: HANDLERS }).catch((error) =>
      socket.#opened.reject(error),
    );
    try {
      return await socket.#opened.promise;
    } finally {
      clearTimeout(timer);
    }
  }

  /** Queues behind what the kernel did not take. The bytes are copied if they have to wait. */
  write(bytes: Uint8Array, length: number = bytes.length): void {
    if (this.#closed || !this.#tcp) return;
    let written = 0;
    if (this.#pending.length === 0) written = Math.max(0, this.#tcp.write(bytes, 0, length));
    if (written === length) return;
    this.#pending.push(bytes.slice(written, length));
    this.#pendingBytes += length - written;
    if (this.#pendingBytes > PENDING_BYTES_MAX) throw new Error("the server reads no more");
  }

  /** Stops reading from the TCP socket, as a client does that hangs. */
  pause(): void {
    this.#tcp?.pause();
  }

  resume(): void {
    this.#tcp?.resume();
  }

  /** Ends without a word, as a vanished client does. */
  terminate(): void {
    this.#closed = true;
    this.#tcp?.terminate();
  }

  text(bytes: Buffer, start: number, end: number): void {
    this.#listener.text(bytes, start, end);
  }

  ping(payload: Uint8Array): void {
    this.write(pongFrame(payload));
  }

  closed(code: number, reason: string): void {
    if (this.#closed) return;
    this.#closed = true;
    this.#tcp?.end();
    this.#opened.reject(new Error(`closed with ${code} ${reason}`));
    this.#listener.closed(code, reason);
  }

  /** For the handlers below. */
  tcpOpened(tcp: Socket<NativeSocket>, host: string): void {
    this.#tcp = tcp;
    tcp.setNoDelay(true);
    const { path, subprotocol } = this.#handshakeOf;
    const lines = [
      `GET ${path} HTTP/1.1`,
      `Host: ${host}`,
      "Upgrade: websocket",
      "Connection: Upgrade",
      `Sec-WebSocket-Key: ${this.#key}`,
      "Sec-WebSocket-Version: 13",
      ...(subprotocol === undefined ? [] : [`Sec-WebSocket-Protocol: ${subprotocol}`]),
    ];
    this.write(new TextEncoder().encode(lines.join("\r\n") + END_OF_HEAD));
  }

  tcpData(chunk: Buffer): void {
    if (this.#closed) return;
    if (this.#head === undefined) this.#frames.push(chunk, this);
    else if (!this.#handshake(chunk)) return;
    this.#listener.turn();
  }

  tcpDrained(): void {
    for (;;) {
      const next = this.#pending[0];
      if (!next || !this.#tcp) return;
      const written = Math.max(0, this.#tcp.write(next));
      this.#pendingBytes -= written;
      if (written < next.length) {
        this.#pending[0] = next.subarray(written);
        return;
      }
      this.#pending.shift();
    }
  }

  /** @returns whether frames can be read from now on */
  #handshake(chunk: Buffer): boolean {
    this.#head += chunk.toString("latin1");
    const head = this.#head as string;
    const end = head.indexOf(END_OF_HEAD);
    if (end < 0) return false;
    const lines = head.slice(0, end).split("\r\n");
    const fields = new Map(lines.slice(1).map((line) => fieldOf(line)));
    const accept = createHash("sha1")
      .update(this.#key + GUID)
      .digest("base64");
    const fits =
      lines[0]?.startsWith("HTTP/1.1 101 ") === true &&
      fields.get("sec-websocket-accept") === accept &&
      fields.get("sec-websocket-protocol") === this.#handshakeOf.subprotocol;
    if (!fits) {
      this.closed(1002, `handshake refused: ${lines[0]}`);
      return false;
    }
    this.#head = undefined;
    const rest = Buffer.from(head.slice(end + END_OF_HEAD.length), "latin1");
    // Whoever awaits the opening goes on after this turn: too late to answer what comes with it.
    this.#listener.opened?.(this);
    this.#opened.resolve(this);
    if (rest.length > 0) this.#frames.push(rest, this);
    return true;
  }
}

function fieldOf(line: string): [string, string] {
  const colon = line.indexOf(":");
  return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()];
}

const HANDLERS = {
  open: (tcp: Socket<NativeSocket>) => tcp.data.tcpOpened(tcp, "localhost"),
  data: (tcp: Socket<NativeSocket>, chunk: Buffer) => tcp.data.tcpData(chunk),
  drain: (tcp: Socket<NativeSocket>) => tcp.data.tcpDrained(),
  close: (tcp: Socket<NativeSocket>) => tcp.data.closed(1006, "the connection ended"),
  error: (tcp: Socket<NativeSocket>, error: Error) => tcp.data.closed(1006, error.message),
};
