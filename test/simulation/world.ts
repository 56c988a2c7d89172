import { createMemoryDisk, type MemoryDisk } from "../../src/adapters/memory/event-log-disk.ts";
import { createMemoryEventLog, type MemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { MemoryStoreData } from "../../src/adapters/memory/message-store-data.ts";
import { MemoryOutboxData } from "../../src/adapters/memory/outbox-data.ts";
import { createMemoryTenantCatalog } from "../../src/adapters/memory/tenant-catalog.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import type { OutboxMessage } from "../../src/ports/outbox.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { messageId, scopeInput } from "../../src/wire/message-id.ts";
import { Bus } from "./bus.ts";
import { Host } from "./host.ts";
import { Oracle } from "./oracle.ts";
import { Outages } from "./outages.ts";
import { profileOf, type Profile } from "./profile.ts";
import { SeededRandom } from "./random.ts";
import { Scheduler, schedulerClock } from "./scheduler.ts";
import { count } from "./stats.ts";
import type { StoreWeather } from "./store-access.ts";
import { fail, Trace } from "./trace.ts";

/** The group of the delivery pool, as its documents name it. */
export const DELIVERY_POOL = "delivery";
const RETENTION_MS = 86_400_000;
const PAGE_RECORDS = 7;

/** Everything that outlives a process: log, store, backplane, and the machines themselves. */
export class World {
  readonly random: SeededRandom;
  readonly scheduler = new Scheduler();
  readonly trace: Trace;
  readonly profile: Profile;
  readonly disk: MemoryDisk = createMemoryDisk();
  readonly data = new MemoryStoreData();
  readonly weather: StoreWeather;
  readonly bus: Bus;
  readonly oracle: Oracle;
  readonly outages: Outages;
  readonly outbox = new MemoryOutboxData();
  readonly hosts: Host[] = [];
  /** Counts what clients say and hear. */
  moment = 0;
  readonly #submitted: OutboxMessage[] = [];
  log: MemoryEventLog;
  catalog!: TenantCatalog;
  #broken: { check: string; message: string } | undefined;

  constructor(seed: number, traced: number | undefined, outbox: boolean) {
    const random = new SeededRandom(seed);
    this.random = random;
    const { scheduler } = this;
    this.trace = new Trace(scheduler, traced);
    const profile = profileOf(random, outbox);
    this.profile = profile;
    this.outages = new Outages(random, profile.limits.appendOutcomeMs);
    this.weather = {
      data: this.data,
      scheduler,
      random,
      profile,
      trace: this.trace,
      down: false,
      healed: false,
    };
    this.bus = new Bus(scheduler, random, profile);
    this.oracle = new Oracle(this.disk, profile.limits.windowOffsets);
    this.log = this.#openLog();
    this.#openCatalog();
    if (profile.standalone) this.hosts.push(new Host(this, "alone", "both"));
    else {
      for (let i = 0; i < profile.gateways; i++)
        this.hosts.push(new Host(this, `gateway-${i}`, "gateway"));
      for (let i = 0; i < profile.pools; i++) this.hosts.push(new Host(this, `pool-${i}`, "pool"));
    }
    for (const host of this.hosts)
      if (host.name.endsWith("-0") || host.role === "both" || random.chance(0.6)) host.start();
  }

  get gateways(): readonly Host[] {
    return this.hosts.filter((host) => host.gateway !== undefined && host.process.running);
  }

  /** A fault that was noticed where nothing may be thrown; the run ends at its next step. */
  broken(check: string, message: string): void {
    this.#broken ??= { check, message };
  }

  pass(ms: number): void {
    this.scheduler.pass(ms);
    if (this.#broken !== undefined) fail(this.#broken.check, this.#broken.message);
  }

  crash(host: Host): void {
    this.trace.add("crash", host.name);
    count(`crash of ${host.role}`);
    host.kill();
    if (host.role === "both") this.#crashLog();
    else if (host.role === "pool") this.#expireLater(host);
  }

  /** Another service's transaction with a message in it commits. */
  submit(message: OutboxMessage): void {
    this.#submitted.push(message);
    const number = ++this.outbox.messageNumber;
    this.outbox.messages.push({ message, number, at: this.scheduler.wall });
  }

  /** How often each of those messages was placed. */
  submitted(): readonly { readonly key: string; readonly placements: number }[] {
    const digest = createSystemDigest();
    return this.#submitted.map(({ tenant, conversation, sender, key }) => {
      const id = messageId(key, digest.scope(scopeInput(tenant, conversation, sender)));
      return { key, placements: this.oracle.placements(id) };
    });
  }

  restart(host: Host): void {
    if (host.up) return;
    this.trace.add("start", host.name);
    host.start();
  }

  /** Leaves the group in good order, then ends. */
  leave(host: Host): void {
    const { pool, process, gateway, publisher } = host;
    this.trace.add("leave", host.name);
    count(`orderly end of ${host.role}`);
    const ending = Promise.all([gateway?.drain(), publisher?.close(), pool?.close()]);
    ending.then(
      () => {
        if (host.process === process && process.alive) host.kill();
      },
      (error: unknown) => this.broken("leave", `${host.name}: ${String(error)}`),
    );
  }

  #crashLog(): void {
    const before = this.#pendingEnd();
    this.log.crash();
    if (this.#pendingEnd() === before)
      count("crash of the log with nothing kept of what was unflushed");
    else count("crash of the log with a part kept of what was unflushed");
    if (this.random.chance(0.3)) {
      count("store behind the log");
      this.data.rewind(1 + this.random.int(3));
    }
    this.log = this.#openLog();
    this.#openCatalog();
  }

  #pendingEnd(): number {
    let records = 0;
    for (const topic of this.disk.topics.values())
      for (const partition of topic.partitions) records += partition.end;
    return records;
  }

  #expireLater(host: Host): void {
    const { process } = host;
    this.scheduler.after(this.profile.limits.sessionTimeoutMs, () => {
      // A process that came back under the same name has taken the place already.
      if (host.process === process) this.log.expireMember(DELIVERY_POOL, host.name, false);
    });
  }

  #openLog(): MemoryEventLog {
    const { scheduler, random, disk } = this;
    const clock = schedulerClock(scheduler);
    const durability = this.profile.standalone ? "disk" : "log";
    const pageRecordsMax = PAGE_RECORDS;
    const log = createMemoryEventLog({ clock, random, disk, pageRecordsMax, durability });
    log.faults.flushDelayMs = this.profile.flushDelayMs;
    return log;
  }

  #openCatalog(): void {
    const { partitions } = this.profile;
    const options = {
      log: this.log,
      partitions,
      retentionMs: RETENTION_MS,
      retentionBytes: undefined,
    };
    createMemoryTenantCatalog(options).then(
      (catalog) => (this.catalog = catalog),
      (error: unknown) => this.broken("catalog", String(error)),
    );
    this.scheduler.pass(0);
  }
}
