import type { CloseReason } from "../src/close-codes.ts";
import { AppError, asAppError } from "../src/errors.ts";
import type { Limits } from "../src/limits.ts";
import { compileGrants } from "../src/policy/capability.ts";
import { partitionOf } from "../src/policy/partitioner.ts";
import type { Rate } from "../src/policy/token-bucket.ts";
import type { Authenticator, Identity } from "../src/ports/authenticator.ts";
import type { Backplane, Refusal } from "../src/ports/backplane.ts";
import type { Clock, Timer } from "../src/ports/clock.ts";
import type { Digest } from "../src/ports/digest.ts";
import type { EventLog } from "../src/ports/event-log.ts";
import type { MessageStore } from "../src/ports/message-store.ts";
import type { Outbox } from "../src/ports/outbox.ts";
import type { Random } from "../src/ports/random.ts";
import type { SharedLimits } from "../src/ports/shared-limits.ts";
import type { Socket } from "../src/ports/socket.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";
import type { TenantCatalog } from "../src/ports/tenant-catalog.ts";
import type { Tracing } from "../src/ports/tracer.ts";
import { recordKey } from "../src/tenants.ts";
import { logSystem } from "../src/tracing/attributes.ts";
import { Traces } from "../src/tracing/traces.ts";
import { encodeReconnect } from "../src/wire/reply.ts";
import { AppendGate } from "./append-gate.ts";
import { Connection } from "./connection.ts";
import { DeliveryPace } from "./delivery-pace.ts";
import { Failover } from "./failover.ts";
import { Flusher } from "./flusher.ts";
import { closeCounters, showGateway } from "./gateway-metrics.ts";
import { Heartbeats } from "./heartbeat.ts";
import { readHistory, type HistoryQuery } from "./history.ts";
import { Ingress } from "./ingress.ts";
import { Producer } from "./producer.ts";
import type { Reader } from "./reader.ts";
import { RefusedPushes } from "./refused-pushes.ts";
import { Relay } from "./relay.ts";
import { SendMetrics } from "./send-metrics.ts";
import type { Session } from "./session.ts";
import type { TenantState } from "./tenant-state.ts";
import { TenantTallies, type TenantTally } from "./tenant-tally.ts";
import { IngressTrace } from "./trace/ingress-trace.ts";
import { Users } from "./users.ts";

export interface GatewayOptions {
  readonly log: EventLog;
  readonly store: MessageStore;
  readonly backplane: Backplane;
  readonly catalog: TenantCatalog;
  readonly sharedLimits: SharedLimits;
  readonly authenticator: Authenticator;
  readonly clock: Clock;
  readonly random: Random;
  readonly digest: Digest;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  /** Name of this process in records. */
  readonly name: string;
  /** Takes sends while the log is away. Undefined, as in standalone: they are refused then. */
  readonly outbox?: Outbox;
  /**
   * Where a send is kept when it is acked. `hybrid` (the default): in the log, or in the outbox
   * while the log is away; `kafka`: in the log alone; `database`: always in the outbox first.
   */
  readonly eventStore?: "hybrid" | "kafka" | "database";
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

const TICK_MS = 1_000;

/** All connections of one process, and what they share. It knows sockets only as a port. */
export class Gateway {
  readonly clock: Clock;
  readonly limits: Limits;
  readonly store: MessageStore;
  readonly relay: Relay;
  readonly ingress: Ingress;
  readonly appendGate: AppendGate;
  readonly durability: "disk" | "log";
  /** Undefined: sends go to the log only. */
  readonly failover: Failover | undefined;
  readonly connectionRate: Rate;
  readonly flusher: Flusher<Connection>;
  readonly #catalog: TenantCatalog;
  readonly #sharedLimits: SharedLimits;
  readonly #authenticator: Authenticator;
  readonly #random: Random;
  readonly #telemetry: Telemetry;
  readonly #producer: Producer;
  readonly #heartbeats: Heartbeats;
  readonly #users = new Users();
  readonly #refusedPushes: RefusedPushes;
  readonly #connections = new Set<Connection>();
  /** In order of opening. */
  readonly #unauthenticated = new Set<Connection>();
  readonly #tenants = new Map<string, TenantState>();
  readonly #tallies: TenantTallies;
  readonly #closes: Readonly<Record<CloseReason, Counter>>;
  readonly #tick: Timer;
  readonly #unwatch: () => void;
  #draining = false;
  readonly #drainers: (() => void)[] = [];

  constructor(options: GatewayOptions) {
    const { clock, limits, telemetry, log, store, backplane, digest } = options;
    this.clock = clock;
    this.limits = limits;
    this.store = store;
    this.durability = log.durability;
    this.connectionRate = {
      perSecond: limits.sendsPerSecondPerConnection,
      burst: limits.sendsBurstPerConnection,
    };
    this.flusher = new Flusher({
      clock,
      limits,
      holds: log.durability === "log",
      failed: (connection, cause) => this.failed(connection, cause),
    });
    this.#catalog = options.catalog;
    this.#sharedLimits = options.sharedLimits;
    this.#authenticator = options.authenticator;
    this.#random = options.random;
    this.#telemetry = telemetry;
    const { outbox, eventStore = "hybrid", tracing, random } = options;
    if (outbox !== undefined && eventStore !== "kafka")
      this.failover = new Failover({ log, outbox, clock, limits, telemetry, mode: eventStore });
    this.#tallies = new TenantTallies(limits.tenantTalliesMax);
    const metrics = new SendMetrics(telemetry, clock);
    const traces = tracing && new Traces({ tracing, clock, limits, telemetry });
    const system = logSystem(log.durability);
    const trace = traces && new IngressTrace({ traces, tracing, random, limits, system });
    // A standalone log waits for its delivery by itself.
    const pace = log.durability === "log" ? new DeliveryPace(options) : undefined;
    const way = this.failover ?? log;
    const gate = (this.appendGate = new AppendGate(options));
    this.#producer = new Producer({ log: way, clock, limits, metrics, watch: trace, pace, gate });
    this.ingress = new Ingress({
      producer: this.#producer,
      digest,
      limits,
      telemetry,
      source: options.name,
      trace,
    });
    this.relay = new Relay({
      log,
      store,
      backplane,
      clock,
      limits,
      telemetry,
      tallies: this.#tallies,
      refused: (refusal) => this.#refused(refusal),
      trace: traces && { traces, system },
      pace,
    });
    this.#refusedPushes = new RefusedPushes(limits.refusalsKeptMax);
    this.#heartbeats = new Heartbeats(Math.round(limits.heartbeatMs / TICK_MS));
    this.#closes = closeCounters(telemetry);
    this.#tick = clock.every(TICK_MS, () => this.#onTick());
    this.#unwatch = this.#catalog.watch(() => this.#catalogChanged());
    showGateway(telemetry, {
      connections: () => this.#connections.size,
      unauthenticated: () => this.#unauthenticated.size,
      outboundChars: () =>
        this.#connections.values().reduce((sum, { waitingChars }) => sum + waitingChars, 0),
      appendChars: () => this.#producer.pendingChars,
      appendWindowChars: () => this.#producer.windowChars,
    });
  }

  get draining(): boolean {
    return this.#draining;
  }

  get connectionCount(): number {
    return this.#connections.size;
  }

  /** What each tenant has done here, for `/metrics/tenants`. */
  tenantNumbers(): readonly (TenantTally & { readonly connections: number })[] {
    return [...this.#tallies.all()].map((tally) => ({
      ...tally,
      connections: this.#tenants.get(tally.name)?.connections ?? 0,
    }));
  }

  /** Whether the log does not answer. */
  appendStalled(): boolean {
    return this.#producer.stalled;
  }

  /** Why no further socket can be taken now, or undefined. */
  refusesSockets(): AppError | undefined {
    if (this.#draining) return new AppError("draining");
    const { connectionsMax, connectionsUnauthenticatedMax } = this.limits;
    if (this.#connections.size >= connectionsMax)
      return new AppError("overloaded", "this gateway has too many sockets", {
        limit: connectionsMax,
      });
    if (this.#unauthenticated.size >= connectionsUnauthenticatedMax)
      return new AppError("overloaded", "too many sockets have not authenticated", {
        limit: connectionsUnauthenticatedMax,
      });
    return undefined;
  }

  /** A socket has opened. */
  open(socket: Socket): Connection {
    const connection = new Connection(this, socket, this.#random.uuidv7(), this.clock.monotonic());
    this.#connections.add(connection);
    this.#unauthenticated.add(connection);
    this.#heartbeats.add(connection, this.#random.next());
    return connection;
  }

  /** A socket has ended, for whatever reason. */
  closed(connection: Connection): void {
    connection.closed = true;
    this.#connections.delete(connection);
    this.#unauthenticated.delete(connection);
    this.#heartbeats.remove(connection);
    const { session, readers } = connection;
    if (session !== undefined) session.tenant.connections--;
    if (session !== undefined && this.#users.remove(session.identity, connection))
      this.relay.member.leaveUser(session.identity.tenant, session.identity.user);
    if (readers === undefined) return;
    for (const reader of readers.values()) this.dropReader(reader);
    connection.readers = undefined;
  }

  /** @throws what the authenticator and the catalog throw */
  async openSession(token: string): Promise<Session> {
    return this.admit(await this.#authenticator.authenticate(token));
  }

  /** What an authenticated user may do, with the tenant's place. @throws what the catalog throws */
  async admit(identity: Identity): Promise<Session> {
    const placement = await this.#catalog.place(identity.tenant);
    let tenant = this.#tenants.get(identity.tenant);
    if (tenant === undefined) {
      const rate = this.#rateOf(identity.tenant);
      const sends = this.#sharedLimits.budget(identity.tenant, "sends");
      const tally = this.#tallies.of(identity.tenant);
      tenant = { name: identity.tenant, placement, rate, sends, tally, connections: 0 };
      this.#tenants.set(identity.tenant, tenant);
    }
    return { identity, grants: compileGrants(identity.capabilities), tenant };
  }

  #rateOf(tenant: string): Rate {
    const { sendsPerSecondPerTenant, sendsBurstPerTenant } = this.limits;
    const { sendsPerSecond, sendsBurst } = this.#catalog.limits(tenant);
    if (sendsPerSecond === undefined)
      return { perSecond: sendsPerSecondPerTenant, burst: sendsBurst ?? sendsBurstPerTenant };
    return { perSecond: sendsPerSecond, burst: sendsBurst ?? sendsPerSecond * 2 };
  }

  /** Limits of tenants that are here take effect at once; a suspended one's sockets are closed. */
  #catalogChanged(): void {
    const gone = new Set<TenantState>();
    for (const tenant of this.#tenants.values()) {
      tenant.rate = this.#rateOf(tenant.name);
      if (tenant.connections > 0 && !this.#catalog.serves(tenant.name)) gone.add(tenant);
    }
    if (gone.size === 0) return;
    for (const connection of this.#connections) {
      const tenant = connection.session?.tenant;
      if (tenant !== undefined && gone.has(tenant)) connection.close("not_served");
    }
  }

  /** @throws overloaded when the tenant has as many sockets here as it may */
  authenticated(connection: Connection, session: Session): void {
    const { tenant } = session;
    const limit = this.#catalog.limits(tenant.name).connections;
    if (limit !== undefined && tenant.connections >= limit)
      throw new AppError("overloaded", "the tenant has too many sockets on this gateway", {
        limit,
      });
    tenant.connections++;
    connection.session = session;
    this.#unauthenticated.delete(connection);
    if (this.#users.add(session.identity, connection))
      this.relay.member.joinUser(session.identity.tenant, session.identity.user);
  }

  placeOf(tenant: TenantState, conversation: string): { topic: string; partition: number } {
    const { topic, partitions } = tenant.placement;
    return {
      topic,
      partition: partitionOf(recordKey(tenant.placement, tenant.name, conversation), partitions),
    };
  }

  /** Whoever may subscribe may read back as well: a subscription can start at the floor. */
  mayReadHistory(session: Session, conversation: string): boolean {
    const { grants } = session;
    return grants.allows("history", conversation) || grants.allows("subscribe", conversation);
  }

  /** A page of history that has what the user may have seen already. @see readHistory */
  async readHistory(tenant: TenantState, query: HistoryQuery): Promise<string> {
    const { topic, partition } = this.placeOf(tenant, query.conversation);
    await this.relay.stored(topic, partition);
    return readHistory(this.store, this.limits, tenant.name, query);
  }

  dropReader(reader: Reader): void {
    reader.conversation.remove(reader);
    reader.connection.caughtUp(reader);
    this.relay.release(reader.conversation);
  }

  countClose(reason: CloseReason): void {
    this.#closes[reason].value++;
  }

  /** What one connection's frame or answer led to was a bug: it ends that connection, not the process. */
  failed(connection: Connection, cause: unknown): void {
    this.report(asAppError(cause));
    connection.close("internal");
  }

  /** Bugs are logged with their cause; expected refusals are not. */
  report(error: AppError): void {
    if (error.code !== "internal") return;
    const cause =
      error.cause instanceof Error
        ? (error.cause.stack ?? error.cause.message)
        : String(error.cause);
    this.#telemetry.log("error", "internal error", { cause });
  }

  /** Has `begin` called when the drain begins. */
  whenDraining(begin: () => void): void {
    this.#drainers.push(begin);
  }

  /**
   * Takes nothing new, gives what is in flight an outcome, and sends every client elsewhere with
   * jitter. Resolves when it is done or the deadline is near.
   */
  async drain(): Promise<void> {
    this.#draining = true;
    this.ingress.drain();
    for (const begin of this.#drainers) begin();
    const { drainJitterMs, drainDeadlineMs } = this.limits;
    for (const connection of this.#connections)
      connection.reply(encodeReconnect(this.#random.next() * drainJitterMs, "draining"));
    await Promise.race([
      this.#producer.settled(),
      new Promise<void>((resolve) => this.clock.after(drainDeadlineMs / 2, resolve)),
    ]);
    for (const connection of this.#connections) connection.close("draining");
    this.#tick.cancel();
    this.#unwatch();
    this.failover?.close();
    await this.relay.close();
  }

  #onTick(): void {
    const now = this.clock.monotonic();
    for (const connection of this.#unauthenticated) {
      if (now - connection.openedAt < this.limits.connectTimeoutMs) break;
      if (!connection.isHeld) connection.close("connect_timeout");
    }
    const seconds = this.clock.now() / 1_000;
    for (const connection of this.#connections) {
      const expiresAt = connection.session?.identity.expiresAt;
      if (expiresAt !== undefined && seconds >= expiresAt) connection.close("token_expired");
      const { cloggedSince } = connection;
      if (cloggedSince !== undefined && now - cloggedSince > this.limits.hopelessAfterMs)
        connection.close("too_slow");
    }
    this.#heartbeats.tick();
    this.#producer.sweep();
    this.relay.sweep();
  }

  #refused(refusal: Refusal): void {
    this.#refusedPushes.push(refusal, this.#users.of(refusal.tenant, refusal.user));
  }
}
