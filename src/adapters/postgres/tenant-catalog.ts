import { AppError, asAppError } from "../../errors.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";
import type { TenantCatalog } from "../../ports/tenant-catalog.ts";
import { NO_TENANT_LIMITS, type Placement, type Tenant } from "../../tenants.ts";
import { isTenant } from "../../wire/name.ts";
import type { PostgresDatabase } from "./database.ts";
import { readTenant, readTenants, readVersion, TENANTS_CHANNEL } from "./tenant-rows.ts";

export interface PostgresTenantCatalogOptions {
  readonly database: PostgresDatabase;
  readonly clock: Clock;
  readonly telemetry: Telemetry;
  /** Between two looks when no notification comes, in ms. */
  readonly pollMs: number;
}

/** A catalog that is read in the background. */
export interface PostgresTenantCatalog extends TenantCatalog {
  /** Reads the table now. @throws store_unavailable */
  refresh(): Promise<void>;
}

const ignore = (): void => undefined;

/**
 * The catalog in Postgres. Every process keeps all of it in memory, hears of changes by LISTEN and
 * looks every few seconds as well, since a notification is lost with its connection. While Postgres
 * is away what was known stays true: a placement never changes.
 */
export function createPostgresTenantCatalog(
  options: PostgresTenantCatalogOptions,
): PostgresTenantCatalog {
  return new Catalog(options);
}

class Catalog implements PostgresTenantCatalog {
  readonly #options: PostgresTenantCatalogOptions;
  readonly #watchers = new Set<() => void>();
  readonly #poll: Timer;
  #tenants: ReadonlyMap<string, Tenant> = new Map();
  #version = -1;
  #seen = "[]";
  #reading: Promise<void> | undefined;
  #next: Promise<void> | undefined;
  #failing = false;
  #unlisten: (() => Promise<void>) | undefined;
  #listening = false;
  #closed = false;

  constructor(options: PostgresTenantCatalogOptions) {
    this.#options = options;
    this.#poll = options.clock.every(options.pollMs, () => this.#look());
    this.#look();
  }

  async place(tenant: string): Promise<Placement> {
    const found = await this.#find(tenant);
    if (found?.status === "active") return found.placement;
    throw new AppError(
      "forbidden",
      found?.status === "suspended" ? "the tenant is suspended" : "there is no such tenant",
    );
  }

  async find(tenant: string): Promise<Placement | undefined> {
    return (await this.#find(tenant))?.placement;
  }

  serves(tenant: string): boolean {
    return this.#tenants.get(tenant)?.status === "active";
  }

  isGone(tenant: string): boolean {
    const status = this.#tenants.get(tenant)?.status;
    return status === "removing" || status === "removed";
  }

  limits(tenant: string) {
    return this.#tenants.get(tenant)?.limits ?? NO_TENANT_LIMITS;
  }

  topics(): readonly string[] {
    const topics = new Set<string>();
    for (const { status, placement } of this.#tenants.values())
      if (placement.shared || status === "active" || status === "suspended")
        topics.add(placement.topic);
    return [...topics];
  }

  watch(changed: () => void): () => void {
    this.#watchers.add(changed);
    return () => this.#watchers.delete(changed);
  }

  /** A read that is under way may have begun too early, so whoever asks during one gets the next. */
  refresh(): Promise<void> {
    this.#next ??= (this.#reading ?? Promise.resolve()).then(ignore, ignore).then(() => {
      this.#reading = this.#next;
      this.#next = undefined;
      return this.#read();
    });
    return this.#next;
  }

  async close(): Promise<void> {
    this.#closed = true;
    this.#poll.cancel();
    this.#watchers.clear();
    await this.#unlisten?.();
  }

  async #find(name: string): Promise<Tenant | undefined> {
    const known = this.#tenants.get(name);
    if (known !== undefined) return known;
    if (!isTenant(name)) return undefined;
    const found = await this.#options.database.use((session) => readTenant(session, name));
    // Whoever watches learns of its topic now.
    if (found !== undefined) await this.refresh();
    return this.#tenants.get(name) ?? found;
  }

  async #read(): Promise<void> {
    const { database } = this.#options;
    // The rows may be newer than the version, and are then read once more.
    const read = await database.use(async (session) => {
      const version = await readVersion(session);
      const tenants = version === this.#version ? undefined : await readTenants(session);
      return { version, tenants };
    });
    if (this.#closed || read.tenants === undefined) return;
    this.#version = read.version;
    const seen = JSON.stringify(read.tenants);
    if (seen === this.#seen) return;
    this.#seen = seen;
    this.#tenants = new Map(read.tenants.map((tenant) => [tenant.name, tenant]));
    for (const changed of this.#watchers) changed();
  }

  #look(): void {
    if (this.#closed) return;
    void this.#listen();
    this.refresh().then(
      () => (this.#failing = false),
      (error: unknown) => {
        if (this.#closed || this.#failing) return;
        this.#failing = true;
        const { telemetry } = this.#options;
        telemetry.log("warn", "the tenants cannot be read, what was known still holds", {
          error: asAppError(error).message,
        });
      },
    );
  }

  /** The driver keeps the subscription over lost connections, once it was made. */
  async #listen(): Promise<void> {
    if (this.#listening) return;
    this.#listening = true;
    const { database } = this.#options;
    try {
      const subscription = await database.listen(
        TENANTS_CHANNEL,
        (schema) => {
          if (database.schema === undefined || schema === database.schema) this.#look();
        },
        () => this.#look(),
      );
      if (this.#closed) await subscription.unlisten();
      else this.#unlisten = () => subscription.unlisten();
    } catch {
      // Polling is enough until the next try, and tells of the fault.
      this.#listening = false;
    }
  }
}
