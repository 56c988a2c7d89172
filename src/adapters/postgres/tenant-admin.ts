import { AppError } from "../../errors.ts";
import { PLANS, type PlanName } from "../../plans.ts";
import type { EventLog } from "../../ports/event-log.ts";
import type { Placement, Tenant, TenantLimits, TenantStatus } from "../../tenants.ts";
import { chatTopic, POOL_PARTITIONS, poolTopic, type TopicSpec } from "../../topics.ts";
import { isTenant } from "../../wire/name.ts";
import type { PostgresDatabase, PostgresSession } from "./database.ts";
import { choosePool } from "./pool-choice.ts";
import { lockTenant, readTenant, readTenants } from "./tenant-rows.ts";

export interface PostgresTenantAdminOptions {
  readonly database: PostgresDatabase;
  readonly log: Pick<EventLog, "createTopic" | "deleteTopic">;
  /** Of topics that are made. */
  readonly retentionMs: number;
  readonly retentionBytes: number | undefined;
}

export interface NewTenant {
  readonly name: string;
  readonly plan: PlanName;
  /** In place of the plan's, for a topic of its own. */
  readonly partitions?: number;
  /** What differs from the plan's. */
  readonly limits?: Partial<TenantLimits>;
  /** Served at once when it is left out. */
  readonly status?: "active" | "suspended";
}

/** Changes the catalog: what operators do. Every method rejects with an `AppError`. */
export class PostgresTenantAdmin {
  readonly #options: PostgresTenantAdminOptions;

  constructor(options: PostgresTenantAdminOptions) {
    this.#options = options;
  }

  /**
   * Makes the topic, then the tenant, so that whoever hears of it finds its topic. The same tenant
   * again is no change.
   * @throws invalid_command that says what is wrong with the name or the limits, or that the name
   *   was given already;
   *   topic_mismatch when its topic is there with another number of partitions
   */
  async add(tenant: NewTenant): Promise<{ readonly tenant: Tenant; readonly added: boolean }> {
    const { database, log } = this.#options;
    checkTenantName(tenant.name);
    const there = await this.find(tenant.name);
    const placement = await database.use((session) => placementFor(session, tenant));
    if (there !== undefined) {
      if (isSame(there, tenant, placement)) return { tenant: there, added: false };
      throw refused(takenText(there));
    }
    const limits = { ...PLANS[tenant.plan].limits, ...tenant.limits };
    checkBurst(limits);
    await log.createTopic(this.#specOf(tenant.name, placement));
    await database.use(async (session) => {
      await session`
        INSERT INTO tenants (name, plan, topic, shared, partitions, status,
          sends_per_second, sends_burst, connections)
        VALUES (${tenant.name}, ${tenant.plan}, ${placement.topic}, ${placement.shared},
          ${placement.partitions}, ${tenant.status ?? "active"}, ${limits.sendsPerSecond ?? null},
          ${limits.sendsBurst ?? null}, ${limits.connections ?? null})
        ON CONFLICT (name) DO NOTHING`;
    });
    return { tenant: await this.get(tenant.name), added: true };
  }

  list(): Promise<readonly Tenant[]> {
    return this.#options.database.use(readTenants);
  }

  find(name: string): Promise<Tenant | undefined> {
    return this.#options.database.use((session) => readTenant(session, name));
  }

  /** @throws not_found, invalid_command for what is no name */
  async get(name: string): Promise<Tenant> {
    checkTenantName(name);
    const found = await this.find(name);
    if (found === undefined) throw new AppError("not_found", `there is no tenant ${name}`);
    return found;
  }

  /**
   * Changes the named limits; `undefined` in one takes the tenant's own away.
   * @throws invalid_command for a burst below the rate
   */
  async setLimits(name: string, changes: Partial<TenantLimits>): Promise<Tenant> {
    const { limits } = await this.#alive(name);
    const next = { ...limits, ...changes };
    checkBurst(next);
    const { sendsPerSecond, sendsBurst } = next;
    await this.#options.database.use(async (session) => {
      await session`
        UPDATE tenants SET sends_per_second = ${sendsPerSecond ?? null},
          sends_burst = ${sendsBurst ?? null}, connections = ${next.connections ?? null}
        WHERE name = ${name}`;
    });
    return this.get(name);
  }

  /** `active` ⇄ `suspended`; one that is being removed stays so. */
  async setStatus(name: string, status: "active" | "suspended"): Promise<Tenant> {
    const { status: now } = await this.#alive(name);
    if (now !== status) await this.#move(name, ["active", "suspended"], status);
    return this.get(name);
  }

  /**
   * First step of removing: nobody connects, and pools let go of its own topic.
   * @returns the tenant, also when an earlier try has come this far
   */
  async beginRemoval(name: string): Promise<Tenant> {
    await this.#alive(name);
    await this.#move(name, ["active", "suspended", "removing"], "removing");
    return this.get(name);
  }

  /** Last step: rows, offsets and the topic of its own are deleted; name and place stay known. */
  async finishRemoval(name: string, deleteRows: DeleteRows): Promise<void> {
    const { database, log } = this.#options;
    const tenant = await this.get(name);
    if (tenant.status !== "removing") throw refused(`${name} is ${tenant.status}, not removing`);
    await deleteRows(tenant);
    if (!tenant.placement.shared) await log.deleteTopic(tenant.placement.topic);
    await database.use(async (session) => {
      await session`UPDATE tenants SET status = 'removed' WHERE name = ${name}`;
    });
  }

  async #alive(name: string): Promise<Tenant> {
    const tenant = await this.get(name);
    if (tenant.status === "removed") throw new AppError("not_found", `${name} was removed`);
    return tenant;
  }

  #move(name: string, from: readonly TenantStatus[], to: TenantStatus): Promise<void> {
    return this.#options.database.transaction(async (session) => {
      const tenant = await lockTenant(session, name);
      if (tenant === undefined || !from.includes(tenant.status))
        throw refused(`${name} is ${tenant?.status ?? "gone"}, so it cannot become ${to}`);
      await session`UPDATE tenants SET status = ${to} WHERE name = ${name}`;
    });
  }

  #specOf(name: string, placement: Placement): TopicSpec {
    const { retentionMs, retentionBytes } = this.#options;
    const { topic, shared, partitions } = placement;
    const spec = shared
      ? poolTopic(Number(topic.slice(topic.lastIndexOf(".") + 1)), partitions, retentionMs)
      : chatTopic(name, partitions, retentionMs);
    return retentionBytes === undefined ? spec : { ...spec, retentionBytes };
  }
}

/** Deletes everything that the store has of a tenant. */
export type DeleteRows = (tenant: Tenant) => Promise<void>;

/** @throws invalid_command with the rule */
export function checkTenantName(name: string): void {
  if (isTenant(name)) return;
  throw refused(
    `${JSON.stringify(name)} is no name of a tenant: 1 to 40 of a-z and 0-9, with single hyphens between them`,
  );
}

/** A bucket never holds more than its burst, so a smaller one would not let a second's rate through. */
function checkBurst({ sendsPerSecond, sendsBurst }: Partial<TenantLimits>): void {
  if (sendsPerSecond === undefined || sendsBurst === undefined || sendsBurst >= sendsPerSecond)
    return;
  throw refused(
    `a burst of ${sendsBurst} is below the rate of ${sendsPerSecond} a second: take a larger one, or none for twice the rate`,
  );
}

async function placementFor(session: PostgresSession, tenant: NewTenant): Promise<Placement> {
  const partitions = tenant.partitions ?? PLANS[tenant.plan].partitions;
  if (PLANS[tenant.plan].partitions === undefined) {
    if (tenant.partitions !== undefined)
      throw refused(`the partitions of a topic that tenants share are not one tenant's to choose`);
    return sharedPlacement(session);
  }
  const count = partitions ?? POOL_PARTITIONS;
  return { topic: chatTopic(tenant.name, count).name, shared: false, partitions: count };
}

async function sharedPlacement(session: PostgresSession): Promise<Placement> {
  const rows: { topic: string; partitions: number; tenants: number }[] = await session`
    SELECT topic, max(partitions) AS partitions, count(*)::int AS tenants
    FROM tenants WHERE shared GROUP BY topic`;
  const there = new Map(rows.map((row) => [row.topic, row]));
  const number = choosePool((one) => there.get(poolTopic(one).name)?.tenants ?? 0);
  const { name: topic } = poolTopic(number);
  return { topic, shared: true, partitions: there.get(topic)?.partitions ?? POOL_PARTITIONS };
}

/** Processes may still know the conversations of a tenant that is gone, so its name stays taken. */
function takenText({ name, status, plan, placement }: Tenant): string {
  return status === "removed"
    ? `there was a tenant ${name}, and a name is given only once: take another one`
    : `there is a tenant ${name} already, with plan ${plan} in ${placeText(placement)}, and a tenant's place never changes`;
}

function isSame(there: Tenant, asked: NewTenant, placement: Placement): boolean {
  return (
    there.status !== "removed" &&
    there.plan === asked.plan &&
    there.placement.shared === placement.shared &&
    (placement.shared || there.placement.partitions === placement.partitions)
  );
}

function placeText({ topic, shared, partitions }: Placement): string {
  return shared ? topic : `${topic} with ${partitions} partitions`;
}

function refused(message: string): AppError {
  return new AppError("invalid_command", message);
}
