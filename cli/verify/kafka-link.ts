import type { Socket } from "node:net";
import { isIP } from "node:net";
import { connect, type ConnectionOptions } from "node:tls";
import type { KafkaBroker, KafkaTls } from "../../src/kafka/settings.ts";
import { openSocket } from "./network.ts";

const CLIENT_ID = "tidegate-verify";
const RESPONSE_BYTES_MAX = 1024 * 1024;

/**
 * A connection to a broker that speaks just enough of the protocol to tell what a listener wants:
 * clients hide the difference between a port without TLS, one without SASL and a broken network.
 */
export class KafkaLink {
  readonly #socket: Socket;
  readonly #timeoutMs: number;
  #correlation = 0;

  private constructor(socket: Socket, timeoutMs: number) {
    this.#socket = socket;
    this.#timeoutMs = timeoutMs;
    // Whoever waits for an answer hears of it by `close`.
    socket.on("error", () => undefined);
  }

  /** @throws Fault when there is no connection, the TLS library's error when it cannot be secured */
  static async open(
    { host, port }: KafkaBroker,
    tls: KafkaTls | undefined,
    timeoutMs: number,
  ): Promise<KafkaLink> {
    const socket = await openSocket(host, port, timeoutMs, "KAFKA_BROKERS");
    if (tls === undefined) return new KafkaLink(socket, timeoutMs);
    const options: ConnectionOptions = {
      socket,
      rejectUnauthorized: tls.rejectUnauthorized,
      ...(isIP(host) === 0 ? { servername: tls.serverName ?? host } : {}),
      ...(tls.ca === undefined ? {} : { ca: tls.ca }),
      ...(tls.cert === undefined ? {} : { cert: tls.cert }),
      ...(tls.key === undefined ? {} : { key: tls.key }),
      ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
    };
    const secured = await new Promise<Socket>((resolve, reject) => {
      const one = connect(options, () => resolve(one));
      const timer = setTimeout(() => {
        one.destroy();
        reject(new Error("the TLS handshake timed out"));
      }, timeoutMs);
      one.once("secureConnect", () => clearTimeout(timer));
      one.once("error", (error) => {
        clearTimeout(timer);
        reject(error);
      });
      one.once("close", () => {
        clearTimeout(timer);
        reject(new Error("Connection closed during the TLS handshake"));
      });
    });
    return new KafkaLink(secured, timeoutMs);
  }

  /**
   * One request with header version 1 (KIP-511 leaves ApiVersions at it).
   * @returns the answer behind its correlation id; undefined when the broker ended the connection
   *   or said nothing
   */
  async ask(api: number, version: number, body: Buffer): Promise<Buffer | undefined> {
    const id = ++this.#correlation;
    const head = Buffer.alloc(4 + 2 + 2 + 4 + 2);
    head.writeInt32BE(head.length - 4 + CLIENT_ID.length + body.length, 0);
    head.writeInt16BE(api, 4);
    head.writeInt16BE(version, 6);
    head.writeInt32BE(id, 8);
    head.writeInt16BE(CLIENT_ID.length, 12);
    const answer = this.#read();
    this.#socket.write(Buffer.concat([head, Buffer.from(CLIENT_ID), body]));
    const bytes = await answer;
    return bytes !== undefined && bytes.length >= 4 && bytes.readInt32BE(0) === id
      ? bytes.subarray(4)
      : undefined;
  }

  close(): void {
    this.#socket.destroy();
  }

  #read(): Promise<Buffer | undefined> {
    const socket = this.#socket;
    return new Promise((resolve) => {
      let bytes = Buffer.alloc(0);
      const end = (answer: Buffer | undefined): void => {
        clearTimeout(timer);
        socket.off("data", onData);
        socket.off("close", onClose);
        resolve(answer);
      };
      const onClose = (): void => end(undefined);
      const onData = (part: Buffer): void => {
        bytes = Buffer.concat([bytes, part]);
        if (bytes.length < 4) return;
        const length = bytes.readInt32BE(0);
        // What is no answer of Kafka's begins with anything: a TLS alert, an HTTP error.
        if (length < 4 || length > RESPONSE_BYTES_MAX) end(undefined);
        else if (bytes.length >= 4 + length) end(bytes.subarray(4, 4 + length));
      };
      const timer = setTimeout(() => end(undefined), this.#timeoutMs);
      if (socket.destroyed) end(undefined);
      socket.on("data", onData);
      socket.once("close", onClose);
    });
  }
}

const API_VERSIONS = 18;
const SASL_HANDSHAKE = 17;

/** API key → highest version that the broker takes; undefined when it did not answer. */
export async function askVersions(
  link: KafkaLink,
): Promise<ReadonlyMap<number, number> | undefined> {
  const answer = await link.ask(API_VERSIONS, 0, Buffer.alloc(0));
  if (answer === undefined || answer.length < 6 || answer.readInt16BE(0) !== 0) return undefined;
  const count = answer.readInt32BE(2);
  if (count < 0 || answer.length < 6 + count * 6) return undefined;
  const versions = new Map<number, number>();
  for (let i = 0; i < count; i++)
    versions.set(answer.readInt16BE(6 + i * 6), answer.readInt16BE(6 + i * 6 + 4));
  return versions;
}

/** What a listener says to a SASL mechanism. */
export type Handshake =
  | { readonly outcome: "accepted" | "unsupported"; readonly mechanisms: readonly string[] }
  | { readonly outcome: "no_sasl" | "no_answer" };

const UNSUPPORTED_SASL_MECHANISM = 33;
const NONE = 0;

export async function askMechanism(link: KafkaLink, mechanism: string): Promise<Handshake> {
  const body = Buffer.alloc(2 + mechanism.length);
  body.writeInt16BE(mechanism.length, 0);
  body.write(mechanism, 2, "latin1");
  const answer = await link.ask(SASL_HANDSHAKE, 1, body);
  if (answer === undefined || answer.length < 2) return { outcome: "no_answer" };
  const code = answer.readInt16BE(0);
  if (code !== NONE && code !== UNSUPPORTED_SASL_MECHANISM) return { outcome: "no_sasl" };
  const mechanisms: string[] = [];
  let at = 6;
  for (let left = answer.readInt32BE(2); left > 0 && at + 2 <= answer.length; left--) {
    const length = answer.readInt16BE(at);
    mechanisms.push(answer.toString("latin1", at + 2, at + 2 + length));
    at += 2 + length;
  }
  return { outcome: code === NONE ? "accepted" : "unsupported", mechanisms };
}
