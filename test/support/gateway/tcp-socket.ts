import type { Socket } from "bun";
import { SOCKET_PATH, SUBPROTOCOL } from "../../../gateway/app.ts";
import { ProtocolClient } from "./protocol-client.ts";

const END_OF_HEAD = "\r\n\r\n";
const DEADLINE_MS = 10_000;

/** RFC 6455, 11.8. */
export const OPCODE = { continuation: 0, text: 1, binary: 2, close: 8, ping: 9, pong: 10 } as const;
type Opcode = (typeof OPCODE)[keyof typeof OPCODE];

/** A client's frame to the letter, also one that no client may send. */
export function frameBytes(
  opcode: Opcode,
  payload: string | Uint8Array,
  { final = true, masked = true }: { readonly final?: boolean; readonly masked?: boolean } = {},
): Buffer {
  const bytes = Buffer.from(payload as string);
  const header = [(final ? 0x80 : 0) | opcode];
  const mask = masked ? 0x80 : 0;
  if (bytes.length < 126) header.push(mask | bytes.length);
  else if (bytes.length < 65_536) header.push(mask | 126, bytes.length >> 8, bytes.length & 255);
  else {
    const length = Buffer.alloc(8);
    length.writeBigUInt64BE(BigInt(bytes.length));
    header.push(mask | 127, ...length);
  }
  const key = masked ? crypto.getRandomValues(new Uint8Array(4)) : new Uint8Array();
  const body = masked ? bytes.map((byte, i) => byte ^ (key[i & 3] as number)) : bytes;
  return Buffer.concat([Buffer.from(header), key, body]);
}

/**
 * A WebSocket client on bare TCP: it can send what no WebSocket class lets through, and stop
 * reading, so that the server's side of the connection fills up.
 */
export class TcpSocket {
  readonly client: ProtocolClient;
  /** What the server answered to the handshake. */
  head = "";
  /** Bytes that wait here because the server does not take them. */
  waiting = 0;
  #tcp: Socket | undefined;
  #queue: Uint8Array[] = [];
  #in = Buffer.alloc(0);
  #opened = Promise.withResolvers<void>();
  #isOpen = false;

  private constructor() {
    this.client = new ProtocolClient({
      send: (text) => this.write(frameBytes(OPCODE.text, text)),
      end: () => this.terminate(),
    });
  }

  /** Resolves after the handshake, or once the server has answered it with something else. */
  static async open(
    port: number,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<TcpSocket> {
    const socket = new TcpSocket();
    const fields = {
      Host: `127.0.0.1:${port}`,
      Upgrade: "websocket",
      Connection: "Upgrade",
      "Sec-WebSocket-Key": Buffer.from(crypto.getRandomValues(new Uint8Array(16))).toString(
        "base64",
      ),
      "Sec-WebSocket-Version": "13",
      "Sec-WebSocket-Protocol": SUBPROTOCOL,
      ...headers,
    };
    const lines = Object.entries(fields).map(([name, value]) => `${name}: ${value}`);
    socket.#tcp = await Bun.connect({
      hostname: "127.0.0.1",
      port,
      socket: {
        data: (_, chunk) => socket.#take(chunk),
        drain: () => socket.#drain(),
        close: () => socket.#ended(1006, "the connection ended"),
        error: (_, error) => socket.#ended(1006, error.message),
      },
    });
    socket.write(Buffer.from([`GET ${SOCKET_PATH} HTTP/1.1`, ...lines].join("\r\n") + END_OF_HEAD));
    const timer = setTimeout(
      () => socket.#opened.reject(new Error("no answer to the handshake")),
      DEADLINE_MS,
    );
    await socket.#opened.promise.finally(() => clearTimeout(timer));
    return socket;
  }

  get status(): number {
    return Number(this.head.split(" ")[1]);
  }

  write(bytes: Uint8Array): void {
    this.#queue.push(bytes);
    this.waiting += bytes.length;
    if (this.#queue.length === 1) this.#drain();
  }

  /** Takes nothing from the network any more, as a client that hangs. */
  pause(): void {
    this.#tcp?.pause();
  }

  resume(): void {
    this.#tcp?.resume();
  }

  /** Ends without a word. */
  terminate(): void {
    this.#tcp?.terminate();
    this.#ended(1006, "ended from this side");
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.terminate();
    await this.client[Symbol.asyncDispose]();
  }

  #drain(): void {
    for (;;) {
      const next = this.#queue[0];
      if (next === undefined || this.#tcp === undefined) return;
      const written = Math.max(0, this.#tcp.write(next));
      this.waiting -= written;
      if (written < next.length) {
        this.#queue[0] = next.subarray(written);
        return;
      }
      this.#queue.shift();
    }
  }

  #take(chunk: Buffer): void {
    this.#in = this.#in.length === 0 ? Buffer.from(chunk) : Buffer.concat([this.#in, chunk]);
    if (!this.#isOpen) {
      const end = this.#in.indexOf(END_OF_HEAD);
      if (end < 0) return;
      this.head = this.#in.toString("latin1", 0, end);
      if (this.status === 101) {
        this.#in = this.#in.subarray(end + END_OF_HEAD.length);
        this.#isOpen = true;
      }
      this.#opened.resolve();
      if (!this.#isOpen) return;
    }
    while (this.#takeFrame());
  }

  /** The server's frames are never masked nor fragmented (RFC 6455, 5.1). */
  #takeFrame(): boolean {
    const bytes = this.#in;
    if (bytes.length < 2) return false;
    const opcode = (bytes[0] as number) & 15;
    const short = bytes[1] as number;
    const start = short < 126 ? 2 : short === 126 ? 4 : 10;
    if (bytes.length < start) return false;
    const length =
      short < 126
        ? short
        : short === 126
          ? bytes.readUInt16BE(2)
          : Number(bytes.readBigUInt64BE(2));
    if (bytes.length < start + length) return false;
    const payload = bytes.subarray(start, start + length);
    this.#in = bytes.subarray(start + length);
    if (opcode === OPCODE.text) this.client.heard(payload.toString("utf8"));
    else if (opcode === OPCODE.ping) this.write(frameBytes(OPCODE.pong, payload));
    else if (opcode === OPCODE.close) {
      const code = length < 2 ? 1005 : payload.readUInt16BE(0);
      this.#ended(code, payload.toString("utf8", 2));
      this.#tcp?.end();
    }
    return true;
  }

  #ended(code: number, reason: string): void {
    this.#opened.resolve();
    this.client.ended({ code, reason });
  }
}
