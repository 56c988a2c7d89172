import { startDeliveryPool, type DeliveryPool } from "../../consumers/delivery/pool.ts";
import { OutboxPublisher } from "../../consumers/outbox/publisher.ts";
import { Gateway } from "../../gateway/gateway.ts";
import { createReceiver } from "../../gateway/receive.ts";
import type { MemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import type { MemoryOutboxData } from "../../src/adapters/memory/outbox-data.ts";
import { createMemorySharedLimits } from "../../src/adapters/memory/shared-limits.ts";
import {
  createMemoryTelemetry,
  type MemoryTelemetry,
} from "../../src/adapters/memory/telemetry.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { AppError } from "../../src/errors.ts";
import type { Authenticator } from "../../src/ports/authenticator.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import type { Bus } from "./bus.ts";
import type { Link, LinkHost } from "./link.ts";
import { logOf, type SimConsumer } from "./log-access.ts";
import type { Outages } from "./outages.ts";
import { outboxOf, type OutboxAccess } from "./outbox-access.ts";
import { SimProcess } from "./process.ts";
import type { Profile } from "./profile.ts";
import type { SeededRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import { count } from "./stats.ts";
import { storeOf, type StoreWeather } from "./store-access.ts";
import type { Trace } from "./trace.ts";

/** What a host needs of the world around it. */
export interface HostWorld {
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly profile: Profile;
  readonly weather: StoreWeather;
  readonly bus: Bus;
  readonly trace: Trace;
  readonly log: MemoryEventLog;
  readonly catalog: TenantCatalog;
  readonly outages: Outages;
  readonly outbox: MemoryOutboxData;
  broken(check: string, message: string): void;
}

export type Role = "gateway" | "pool" | "both";

const digest = createSystemDigest();
const COUNTERS = {
  "relay: gap filled": "tidegate_relay_gaps_total",
  "relay: late publication": "tidegate_relay_late_total",
  "relay: reader demoted": "tidegate_relay_demoted_total",
  "relay: hold-back overflow": "tidegate_relay_hold_overflows_total",
  "relay: page error": "tidegate_relay_page_errors_total",
  "relay: told from the store": "tidegate_relay_tailed_events_total",
  "delivery: placed": "tidegate_delivery_placed_total",
  "delivery: duplicate": "tidegate_delivery_duplicates_total",
  "delivery: refused": "tidegate_delivery_refused_total",
  "delivery: store retry": "tidegate_delivery_store_retries_total",
  "delivery: store rest": "tidegate_delivery_store_rests_total",
  "intake: held": "tidegate_intake_held_total",
  "ingress: tenant limited": "tidegate_sends_rate_limited_total",
  "gateway: append held": "tidegate_appends_held_total",
  "gateway: failover": "tidegate_failovers_total",
  "gateway: kept in the outbox": "tidegate_sends_kept_total",
  "gateway: neither log nor outbox": "tidegate_sends_unkept_total",
  "gateway: blind connect": "tidegate_connects_blind_total",
  "outbox: published": "tidegate_outbox_published_total",
  "outbox: publish error": "tidegate_outbox_publish_errors_total",
  "outbox: staged": "tidegate_outbox_staged_total",
} as const;

/** A machine's place for one process at a time: it dies and comes back under the same name. */
export class Host {
  readonly name: string;
  readonly role: Role;
  readonly links = new Set<Link>();
  readonly #world: HostWorld;
  process: SimProcess;
  telemetry: MemoryTelemetry = createMemoryTelemetry();
  gateway: Gateway | undefined;
  receive: LinkHost["receive"] = () => {};
  pool: DeliveryPool | undefined;
  publisher: OutboxPublisher | undefined;
  consumers: readonly SimConsumer[] = [];
  #outbox: OutboxAccess | undefined;

  constructor(world: HostWorld, name: string, role: Role) {
    this.#world = world;
    this.name = name;
    this.role = role;
    this.process = new SimProcess(name, world.scheduler, () => 0);
    this.process.kill();
  }

  get blindConnects(): number {
    return this.telemetry.value("tidegate_connects_blind_total") ?? 0;
  }

  get up(): boolean {
    return this.process.alive;
  }

  start(): void {
    const world = this.#world;
    const { scheduler, random, profile, weather, bus } = world;
    const process = new SimProcess(this.name, scheduler, () => random.next() * profile.latencyMs);
    this.process = process;
    this.telemetry = createMemoryTelemetry();
    const telemetry = this.#telemetryOf(this.telemetry);
    const access = logOf(
      world.log,
      process,
      scheduler,
      random,
      () => (weather.healed ? 0 : profile.store.read / 3),
      profile.outbox ? world.outages.appendOf(world.log, process) : undefined,
    );
    const outbox = profile.outbox ? outboxOf(weather, world.outbox, process) : undefined;
    this.#outbox = outbox;
    this.consumers = access.consumers;
    const shared = {
      log: access.log,
      store: storeOf(weather, process),
      backplane: bus.endpoint(process),
      catalog: this.#catalogOf(process),
      clock: process.clock,
      random,
      limits: profile.limits,
      telemetry,
    };
    if (this.role !== "gateway") {
      startDeliveryPool({ ...shared, member: this.name }).then(
        (pool) => process.run(() => void (this.pool = pool)),
        (error: unknown) => world.broken("start", `${this.name}: ${String(error)}`),
      );
    }
    if (this.role !== "gateway" && outbox !== undefined)
      this.publisher = new OutboxPublisher({
        ...shared,
        outbox: outbox.outbox,
        digest,
        source: this.name,
      });
    if (this.role !== "pool") {
      const authenticator = this.#authenticatorOf(process);
      const sharedLimits = createMemorySharedLimits();
      this.gateway = new Gateway({
        ...shared,
        sharedLimits,
        authenticator,
        digest,
        name: this.name,
        ...(outbox === undefined ? {} : { outbox: outbox.outbox }),
      });
      this.receive = createReceiver(this.gateway);
    }
  }

  /** Everything in memory is gone; what was under way outside goes on there. */
  kill(): void {
    this.process.kill();
    this.#world.bus.forget(this.process);
    for (const [name, metric] of Object.entries(COUNTERS))
      count(name, this.telemetry.value(metric) ?? 0);
    this.gateway = undefined;
    this.pool = undefined;
    this.publisher = undefined;
    this.#outbox?.abandon();
    for (const link of this.links) link.cut();
    this.links.clear();
  }

  #telemetryOf(telemetry: MemoryTelemetry): Telemetry {
    const world = this.#world;
    return {
      ...telemetry,
      log: (level, message, fields) => {
        world.trace.add(`${this.name} ${level}: ${message}`, fields);
        if (level === "error")
          world.broken("error", `${this.name}: ${message} ${JSON.stringify(fields)}`);
      },
    };
  }

  #catalogOf(process: SimProcess): TenantCatalog {
    const { catalog } = this.#world;
    return {
      place: (tenant) => process.io(catalog.place(tenant)),
      find: (tenant) => process.io(catalog.find(tenant)),
      serves: (tenant) => catalog.serves(tenant),
      isGone: (tenant) => catalog.isGone(tenant),
      limits: (tenant) => catalog.limits(tenant),
      topics: () => catalog.topics(),
      watch: (changed) => catalog.watch(() => process.run(changed)),
      close: () => Promise.resolve(),
    };
  }

  #authenticatorOf(process: SimProcess): Authenticator {
    const { scheduler } = this.#world;
    return {
      authenticate(token) {
        const [tenant, user, end] = token.split(" ") as [string, string, string];
        const expiresAt = end === "-" ? undefined : Number(end);
        if (expiresAt !== undefined && scheduler.wall / 1_000 >= expiresAt)
          return process.io(Promise.reject<never>(new AppError("token_expired")));
        const capabilities = { "room-*": ["subscribe", "send"] } as const;
        return process.io(Promise.resolve({ tenant, user, capabilities, expiresAt }));
      },
    };
  }
}
