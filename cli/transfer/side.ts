import { AppError } from "../../src/errors.ts";
import type { PlanName } from "../../src/plans.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { MovableStore } from "../../src/ports/message-import.ts";
import type { Placement, TenantLimits } from "../../src/tenants.ts";

/** A tenant of the side that it leaves. */
export interface LeavingTenant {
  readonly name: string;
  /** Undefined: standalone has no plans. */
  readonly plan: string | undefined;
  readonly limits: TenantLimits | undefined;
  readonly placement: Placement;
  /** Whether it may still get messages. */
  readonly isLive: boolean;
}

/** What the operator and the file say of a tenant that comes. */
export interface ComingTenant {
  readonly name: string;
  /** What the operator asks for. */
  readonly plan: PlanName | undefined;
  /** The one that it had. */
  readonly planBefore: PlanName | undefined;
  readonly partitions: number | undefined;
  readonly limits: TenantLimits | undefined;
}

/** Standalone or cluster, as far as tenants leave it and come to it. */
export interface TransferSide extends AsyncDisposable {
  readonly name: "standalone" | "cluster";
  readonly store: MovableStore;
  readonly tenants: () => Promise<readonly LeavingTenant[]>;
  /** Resolves when the store has all that was acked for the topic before the call. */
  readonly settle: (placement: Placement) => Promise<void>;
  /** Makes the tenant's place, and keeps everybody from it. @throws invalid_command */
  readonly prepare: (tenant: ComingTenant) => Promise<Placement>;
  /** Lets the tenant be served. */
  readonly serve: (name: string) => Promise<void>;
}

const LOOK_MS = 100;

/**
 * Waits until all of a topic that is in the log now is stored.
 * @throws store_unavailable when nothing moves for `idleMs`
 */
export async function untilStored(
  log: EventLog,
  store: MovableStore,
  { topic, partitions }: Pick<Placement, "topic" | "partitions">,
  clock: Clock,
  idleMs: number,
): Promise<void> {
  const wanted = new Map<number, number>();
  for (let partition = 0; partition < partitions; partition++) {
    const { start, end } = await log.range(topic, partition);
    if (end > start) wanted.set(partition, end);
  }
  await untilNone(
    clock,
    idleMs,
    async () => {
      const stored = await storedOf(store, topic);
      let missing = 0;
      for (const [partition, end] of wanted) {
        const next = stored.get(partition) ?? 0;
        if (next < end && !(await isBehindLast(log, topic, partition, next))) missing += end - next;
      }
      return missing;
    },
    `records of ${topic} are in the log but not delivered, and nobody delivers them: start the delivery pool, or look at /readyz of the consumers for halted partitions`,
  );
}

/**
 * Waits until none is left.
 * @param fault what is said of as many as are left
 * @throws store_unavailable when they have not become fewer for `idleMs`
 */
export async function untilNone(
  clock: Clock,
  idleMs: number,
  count: () => Promise<number>,
  fault: string,
): Promise<void> {
  let movedAt = clock.monotonic();
  let fewest = Infinity;
  for (;;) {
    const left = await count();
    if (left === 0) return;
    const now = clock.monotonic();
    if (left < fewest) movedAt = now;
    fewest = Math.min(fewest, left);
    if (now - movedAt > idleMs) throw new AppError("store_unavailable", `${left} ${fault}`);
    await new Promise<void>((resolve) => void clock.after(LOOK_MS, resolve));
  }
}

/** A transaction's marker at the end of a partition is an offset without a record. */
async function isBehindLast(
  log: EventLog,
  topic: string,
  partition: number,
  next: number,
): Promise<boolean> {
  const { start } = await log.range(topic, partition);
  return (await log.read(topic, partition, Math.max(start, next), 1)).records.length === 0;
}

/** Stored next offsets by partition. */
export async function storedOf(
  store: MovableStore,
  topic: string,
): Promise<ReadonlyMap<number, number>> {
  const all = await store.offsets();
  return new Map(
    all.flatMap((one) => (one.topic === topic ? [[one.partition, one.nextOffset] as const] : [])),
  );
}
