import Broker from "kafkajs/src/broker/index.js";
import loggers from "kafkajs/src/loggers/index.js";
import ConnectionPool from "kafkajs/src/network/connectionPool.js";
import type { ProtocolRequest } from "kafkajs/src/network/connectionPool.js";
import apiKeys from "kafkajs/src/protocol/requests/apiKeys.js";
import protocol from "kafkajs/src/protocol/requests/index.js";
import { AppError } from "../../errors.ts";
import type { KafkaBroker, KafkaSettings } from "../../kafka/settings.ts";
import { calmRequestQueues } from "./request-queue.ts";
import { saslOptions, tlsOptions } from "./security.ts";
import { createBrokerSocket, handshakeFault } from "./socket.ts";

/** A broker of the cluster as its metadata names it. */
export interface NodeAddress extends KafkaBroker {
  readonly id: number;
}

/**
 * What a connection is for. A broker answers the requests of one connection one after the other, so
 * what may wait there (a fetch, a join, an append that waits for replicas) has one of its own.
 */
export type Purpose =
  | "admin"
  | "produce"
  | "read"
  | "beat"
  | "join"
  | "fetch"
  | "fetch beside"
  | "catch up";

/** A request as the library encodes it, or as this adapter does where the library is too old. */
export type Call<T = unknown> =
  | { readonly api: string; readonly options: object }
  | { readonly raw: RawCall<T> };

interface RawCall<T> {
  readonly request: ProtocolRequest["request"];
  readonly response: { decode(payload: Buffer): Promise<T> };
  readonly requestTimeout?: number;
}

const NODE_UNKNOWN = -1;
/** Before a SASL session ends, in ms; it is then renewed on the same connection (KIP-368). */
const REAUTHENTICATE_MS = 10_000;

/**
 * The connections to the brokers of a cluster, opened when they are needed. The library's own
 * cluster class is not used: it repeats requests by itself and hides which ones were sent, but an
 * append has to know.
 */
export class Brokers {
  readonly #settings: KafkaSettings;
  readonly #logger = loggers.createLogger({ level: 0, logCreator: () => () => {} });
  readonly #nodes = new Map<number, NodeAddress>();
  /** By purpose and address. */
  readonly #open = new Map<string, Link>();
  #closed = false;

  constructor(settings: KafkaSettings) {
    calmRequestQueues();
    this.#settings = settings;
  }

  /** Takes over what the cluster's metadata says. */
  setNodes(nodes: readonly NodeAddress[]): void {
    const old = new Map(this.#nodes);
    this.#nodes.clear();
    for (const node of nodes) {
      this.#nodes.set(node.id, node);
      const before = old.get(node.id);
      if (before !== undefined && addressOf(before) === addressOf(node)) old.delete(node.id);
    }
    for (const gone of old.values()) this.#dropWhere((key) => key.endsWith(` @${addressOf(gone)}`));
  }

  /** Takes over a broker that an answer names before the metadata does. */
  addNode(node: NodeAddress): void {
    this.setNodes([...this.#nodes.values()].filter(({ id }) => id !== node.id).concat(node));
  }

  /**
   * Asks one broker.
   *
   * @param node −1: whichever answers first
   * @returns the decoded answer, whose error codes are the caller's to look at
   * @throws NotSentError when the request certainly did not leave
   */
  async ask<T>(purpose: Purpose, node: number, call: Call<T>, timeoutMs?: number): Promise<T> {
    const broker = await this.#connected(purpose, node);
    const protocolRequest = requestOf(broker, call);
    const { request, response, requestTimeout = 0 } = protocolRequest;
    const limit = timeoutMs ?? Math.max(requestTimeout, this.#settings.requestTimeoutMs);
    const connection = await broker.connectionPool.getConnection(0);
    try {
      return (await connection.send({
        request,
        response: {
          decode: (payload) => response.decode(payload),
          // The library throws the first of many error codes away with all the rest.
          parse: (decoded) => Promise.resolve(decoded),
        },
        logResponseError: false,
        requestTimeout: limit,
      })) as T;
    } catch (error) {
      // A connection that stays silent may be dead, and answers that come late fit nothing.
      if (isTimeout(error)) this.cut(purpose, node);
      throw error;
    }
  }

  /** Breaks these connections: what is on its way there ends now, with an unknown outcome. */
  cut(purpose: Purpose, node = NODE_UNKNOWN): void {
    const address = this.#nodes.get(node);
    const end = address === undefined ? "" : `@${addressOf(address)}`;
    this.#dropWhere((key) => key.startsWith(`${purpose} @`) && key.endsWith(end));
  }

  close(): void {
    this.#closed = true;
    this.#dropWhere(() => true);
  }

  async #connected(purpose: Purpose, node: number): Promise<Broker> {
    const address = this.#nodes.get(node);
    if (address !== undefined) return this.#connect(purpose, address);
    if (node !== NODE_UNKNOWN)
      throw new NotSentError(`Broker ${node} is not in the cluster's metadata`, []);
    const errors: unknown[] = [];
    for (const candidate of this.#candidates(purpose))
      try {
        return await this.#connect(purpose, candidate);
      } catch (error) {
        errors.push(error);
      }
    throw new NotSentError("No broker can be reached", errors);
  }

  /** Those that are connected first, then those that are known, then those of the settings. */
  #candidates(purpose: Purpose): readonly KafkaBroker[] {
    const known = new Map<string, KafkaBroker>();
    for (const broker of [...this.#nodes.values(), ...this.#settings.brokers])
      known.set(addressOf(broker), broker);
    const isOpen = (broker: KafkaBroker) =>
      this.#open.get(`${purpose} @${addressOf(broker)}`)?.ready === true ? 0 : 1;
    return [...known.values()].sort((a, b) => isOpen(a) - isOpen(b));
  }

  async #connect(purpose: Purpose, address: KafkaBroker): Promise<Broker> {
    if (this.#closed) throw new AppError("closed", "The log is closed");
    const key = `${purpose} @${addressOf(address)}`;
    let link = this.#open.get(key);
    // Never the same object again: the library would join what the old connection left half read
    // with the first bytes of the new one.
    if (link === undefined || (link.ready && !isLinked(link.broker))) {
      const broker = this.#create(address);
      const made: Link = { broker, ready: false, connecting: Promise.resolve() };
      made.connecting = broker.connect().then(() => void (made.ready = true));
      this.#open.set(key, (link = made));
    }
    try {
      await link.connecting;
      if (this.#open.get(key) !== link) throw new Error("The connection was given up");
      return link.broker;
    } catch (error) {
      if (this.#open.get(key) === link) this.#open.delete(key);
      letGo(link.broker);
      const fault = handshakeFault(link.broker.connectionPool.pool[0]?.socket) ?? error;
      throw new NotSentError(`Cannot connect to ${addressOf(address)}`, [fault]);
    }
  }

  #create({ host, port }: KafkaBroker): Broker {
    const { clientId, connectionTimeoutMs, requestTimeoutMs, tls, sasl } = this.#settings;
    const connectionPool = new ConnectionPool({
      host,
      port,
      clientId,
      connectionTimeout: connectionTimeoutMs,
      // The library takes the longer one of this and a request's own.
      requestTimeout: Math.min(requestTimeoutMs, 1_000),
      enforceRequestTimeout: true,
      maxInFlightRequests: null,
      reauthenticationThreshold: REAUTHENTICATE_MS,
      logger: this.#logger,
      socketFactory: createBrokerSocket,
      ...(tls !== undefined && { ssl: tlsOptions(tls) }),
      ...(sasl !== undefined && { sasl: saslOptions(sasl) }),
    });
    return new Broker({
      connectionPool,
      logger: this.#logger,
      authenticationTimeout: connectionTimeoutMs,
      allowAutoTopicCreation: false,
    });
  }

  #dropWhere(fits: (key: string) => boolean): void {
    for (const [key, link] of this.#open)
      if (fits(key)) {
        this.#open.delete(key);
        letGo(link.broker);
      }
  }
}

interface Link {
  readonly broker: Broker;
  /** Connected and authenticated once. */
  ready: boolean;
  connecting: Promise<void>;
}

/** The request certainly did not leave this machine. */
class NotSentError extends AggregateError {
  constructor(message: string, errors: readonly unknown[]) {
    super(errors, message);
    this.name = "NotSentError";
  }
}

function requestOf(broker: Broker, call: Call): RawCall<unknown> {
  if ("raw" in call) return call.raw;
  const key = apiKeys[call.api];
  if (key === undefined) throw new TypeError(`kafkajs knows no request ${call.api}`);
  return broker.lookupRequest(key, protocol.requests[call.api])(call.options);
}

/** `disconnect` alone would wait for the answers that are due, and a dead peer gives none. */
function letGo(broker: Broker): void {
  for (const connection of broker.connectionPool.pool) {
    const { socket } = connection;
    if (socket !== undefined && !socket.destroyed)
      socket.destroy(new Error("Connection closed by this client"));
  }
}

function isLinked(broker: Broker): boolean {
  return broker.connectionPool.pool[0]?.isConnected() === true;
}

function addressOf({ host, port }: KafkaBroker): string {
  return `${host}:${port}`;
}

function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.name === "KafkaJSRequestTimeoutError";
}
