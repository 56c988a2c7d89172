import type { Redis } from "ioredis";

const BYTES_MIN = 64 * 1024;
/** What a burst left behind is given back. */
const BYTES_KEPT = 4 * 1024 * 1024;
/** UTF-8 of one UTF-16 unit has 3 bytes at most. */
const BYTES_PER_UNIT = 3;
/** Lengths and line ends of one command. */
const FRAMING_BYTES = 64;

/**
 * Publishes of one turn as the bytes that go to Redis (RESP, "Sending commands to a Redis server"). The
 * library's own pipeline would measure, join and copy each message several times.
 */
export class PublishWire {
  readonly #command: "publish" | "spublish";
  readonly #begin: string;
  #bytes: Buffer = Buffer.allocUnsafe(BYTES_MIN);
  #used = 0;
  #count = 0;
  #spare: Buffer | undefined;

  constructor(isSharded: boolean) {
    this.#command = isSharded ? "spublish" : "publish";
    this.#begin = `*3\r\n$${this.#command.length}\r\n${this.#command}\r\n$`;
  }

  /** Adds a message, which is copied. */
  add(channel: string, message: string | Buffer): void {
    const bound = typeof message === "string" ? message.length * BYTES_PER_UNIT : message.length;
    this.#need(channel.length * BYTES_PER_UNIT + bound + FRAMING_BYTES);
    const size = typeof message === "string" ? Buffer.byteLength(message) : message.length;
    this.#text(`${this.#begin}${Buffer.byteLength(channel)}\r\n${channel}\r\n$${size}\r\n`);
    if (typeof message === "string") this.#text(message);
    else this.#used += message.copy(this.#bytes, this.#used);
    this.#text("\r\n");
    this.#count++;
  }

  /** Forgets what waits. */
  clear(): void {
    this.#used = 0;
    this.#count = 0;
  }

  /** Sends what waits in one write. @returns of each message: undefined, or why Redis did not take it */
  send(client: Redis): Promise<readonly (Error | undefined)[]> {
    const bytes = this.#bytes;
    const whole = bytes.subarray(0, this.#used);
    const count = this.#count;
    this.#bytes = this.#spare ?? Buffer.allocUnsafe(BYTES_MIN);
    this.#spare = undefined;
    this.clear();
    const { stream } = client;
    if (client.status !== "ready" || !stream.writable) {
      const error = new Error("the connection is closed");
      return Promise.resolve(Array.from({ length: count }, () => error));
    }
    const outcomes: (Error | undefined)[] = [];
    const { promise, resolve } = Promise.withResolvers<readonly (Error | undefined)[]>();
    const answered = (outcome: Error | undefined): void => {
      if (outcomes.push(outcome) === count) resolve(outcomes);
    };
    // One for all of them stands in the library's line for replies, which come in order. A command
    // each, with its promise and closures, would cost more than to write the message.
    const command = {
      name: this.#command,
      args: [],
      resolve: () => answered(undefined),
      reject: answered,
    };
    const item = { command, stream, select: 0 };
    for (let i = 0; i < count; i++) client.commandQueue.push(item);
    stream.write(whole, () => {
      if (bytes.length <= BYTES_KEPT) this.#spare = bytes;
    });
    return promise;
  }

  #text(text: string): void {
    this.#used += this.#bytes.write(text, this.#used, "utf8");
  }

  #need(more: number): void {
    if (this.#used + more <= this.#bytes.length) return;
    const grown = Buffer.allocUnsafe(Math.max(this.#bytes.length * 2, this.#used + more));
    grown.set(this.#bytes.subarray(0, this.#used));
    this.#bytes = grown;
  }
}
