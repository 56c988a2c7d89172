import { isIP } from "node:net";
import { createSecureContext } from "node:tls";
import {
  type BaseOptions,
  type Connection,
  ConnectionPool,
  metadataV12,
  type SASLOptions,
} from "@platformatic/kafka";
import { kafkaFault } from "../../kafka/error.ts";
import type { KafkaBroker, KafkaSettings } from "../../kafka/settings.ts";
import { type Limits, limitsWith } from "../../limits.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import { createClientMetrics } from "./client-metrics.ts";
import { MetadataCache, type MetadataResponse } from "./metadata.ts";

export interface KafkaClientOptions {
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  readonly telemetry?: Telemetry;
  readonly limits?: Limits;
}

/**
 * A broker answers a connection's requests in turn, so roles have connections of their own: neither
 * a long poll nor a partition that hangs (`apart`) may hold up an append.
 */
export type ConnectionRole = "produce" | "apart" | "control" | "fetch" | "group";

/** The connection manager: one for a process, shared by producer, admin and consumers. */
export class KafkaClient {
  readonly settings: KafkaSettings;
  readonly clock: Clock;
  readonly telemetry: Telemetry | undefined;
  readonly limits: Limits;
  readonly metadata: MetadataCache;
  readonly #metrics: ReturnType<typeof createClientMetrics>;
  readonly #pools = new Map<ConnectionRole, ConnectionPool>();
  #closed = false;

  constructor(options: KafkaClientOptions) {
    this.settings = options.settings;
    this.clock = options.clock;
    this.telemetry = options.telemetry;
    this.limits = options.limits ?? limitsWith();
    this.#metrics = createClientMetrics(options.telemetry);
    this.metadata = new MetadataCache((topics) => this.#fetchMetadata(topics));
  }

  get closed(): boolean {
    return this.#closed;
  }

  /** What every client of the library is made with. */
  libraryOptions(): BaseOptions & { clientId: string } {
    const { settings } = this;
    const { tls } = settings;
    return {
      clientId: settings.clientId,
      bootstrapBrokers: settings.brokers.map(({ host, port }) => ({ host, port })),
      connectTimeout: settings.connectionTimeoutMs,
      requestTimeout: settings.requestTimeoutMs,
      timeout: settings.requestTimeoutMs,
      autocreateTopics: false,
      ...(tls === undefined
        ? {}
        : {
            tls: {
              ...(tls.ca === undefined ? {} : { ca: tls.ca }),
              ...(tls.cert === undefined ? {} : { cert: tls.cert }),
              ...(tls.key === undefined ? {} : { key: tls.key }),
              ...(tls.passphrase === undefined ? {} : { passphrase: tls.passphrase }),
              rejectUnauthorized: tls.rejectUnauthorized,
            },
            // RFC 6066, 3: an address is not sent as the server's name.
            tlsServerName: tls.serverName ?? settings.brokers.some(({ host }) => isIP(host) === 0),
          }),
      ...(settings.sasl === undefined ? {} : { sasl: saslOptions(settings.sasl) }),
    };
  }

  /** A ready connection to a broker by its id. @throws the library's error; see `kafkaFault` */
  async connection(broker: number, role: ConnectionRole): Promise<Connection> {
    const address = this.metadata.brokers.get(broker);
    if (address === undefined) throw new Error(`Broker ${broker} is not in the cluster's metadata`);
    return this.connect(address, role);
  }

  /** A ready connection to an address, kept for the next one who asks. */
  async connect(address: KafkaBroker, role: ConnectionRole): Promise<Connection> {
    const pool = this.#pool(role);
    const first = !pool.has(address);
    try {
      return await pool.get({ host: address.host, port: address.port });
    } catch (error) {
      if (first) this.#metrics.connectFailed(kafkaFault(error).kind);
      throw error;
    }
  }

  /** A ready connection to any broker. @throws AggregateError when none can be reached */
  async anyConnection(role: ConnectionRole = "control"): Promise<Connection> {
    const errors: unknown[] = [];
    for (const address of this.#addresses(role)) {
      try {
        return await this.connect(address, role);
      } catch (error) {
        errors.push(error);
      }
    }
    throw new AggregateError(errors, "No broker can be reached");
  }

  producerFailed(): void {
    this.#metrics.producerFailed();
  }

  /** Cuts a connection: what waits for its answers fails at once. */
  cut(connection: Connection): void {
    connection.socket.destroy();
  }

  async close(): Promise<void> {
    if (this.#closed) return;
    this.#closed = true;
    await Promise.all([...this.#pools.values()].map((pool) => pool.close()));
  }

  /** Known brokers with a connection first, then the others, then those of the settings. */
  #addresses(role: ConnectionRole): KafkaBroker[] {
    const pool = this.#pool(role);
    const seen = new Map<string, KafkaBroker>();
    const known = [...this.metadata.brokers.values()];
    const ready = known.filter((broker) => pool.getEstablishedConnection(broker)?.isConnected());
    for (const broker of [...ready, ...known, ...this.settings.brokers])
      seen.set(`${broker.host}:${broker.port}`, broker);
    return [...seen.values()];
  }

  #pool(role: ConnectionRole): ConnectionPool {
    const found = this.#pools.get(role);
    if (found !== undefined) return found;
    const { bootstrapBrokers: _, ...options } = this.libraryOptions();
    // A pool whose connection throws for a bad certificate answers nobody who asks it again.
    if (options.tls !== undefined) createSecureContext(options.tls);
    const pool = new ConnectionPool(this.settings.clientId, { ...options, maxInflights: 1_000 });
    // A connection that fails twice would throw otherwise: the pool listens for the first only.
    pool.on("connecting", ({ connection }) => connection?.on("error", () => {}));
    pool.on("connect", () => this.#metrics.connected());
    this.#pools.set(role, pool);
    return pool;
  }

  /** @param topics null: all there are */
  async #fetchMetadata(topics: string[] | null): Promise<MetadataResponse> {
    const errors: unknown[] = [];
    for (const address of this.#addresses("control")) {
      try {
        return await this.#askMetadata(await this.#connectSoon(address), topics);
      } catch (error) {
        errors.push(error);
      }
    }
    throw new AggregateError(errors, "No broker gives metadata");
  }

  /** Goes on with the next broker while the network swallows this one's packets. */
  async #connectSoon(address: KafkaBroker): Promise<Connection> {
    const late = Promise.withResolvers<never>();
    const timer = this.clock.after(this.limits.appendOutcomeMs, () =>
      late.reject(new Error(`Connection to ${address.host}:${address.port} timed out`)),
    );
    try {
      return await Promise.race([this.connect(address, "control"), late.promise]);
    } finally {
      timer.cancel();
    }
  }

  async #askMetadata(connection: Connection, topics: string[] | null): Promise<MetadataResponse> {
    // A broker that hangs must not keep appends from finding out where their partitions went.
    const timer = this.clock.after(this.limits.appendOutcomeMs, () => this.cut(connection));
    try {
      return await metadataV12.api.async(connection, topics as string[], false, false);
    } catch (error) {
      // The library throws when any topic has an error, though the others are there.
      const response = (error as { response?: MetadataResponse }).response;
      if (response === undefined) throw error;
      return response;
    } finally {
      timer.cancel();
    }
  }
}

function saslOptions(sasl: NonNullable<KafkaSettings["sasl"]>): SASLOptions {
  if (sasl.mechanism !== "OAUTHBEARER")
    return { mechanism: sasl.mechanism, username: sasl.username, password: sasl.password };
  return {
    mechanism: sasl.mechanism,
    token: sasl.token,
    // A refused token is told of in a challenge, which the library takes for success (RFC 7628, 3.2.2).
    authBytesValidator(challenge, callback) {
      const refused = challenge.length > 0;
      callback(
        refused ? new Error(`invalid credentials: ${challenge.toString()}`) : null,
        challenge,
      );
    },
  };
}
