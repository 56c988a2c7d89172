import type { MemoryOutboxData } from "../../src/adapters/memory/outbox-data.ts";
import { MemoryOutbox } from "../../src/adapters/memory/outbox.ts";
import { AppError } from "../../src/errors.ts";
import type { Outbox } from "../../src/ports/outbox.ts";
import type { SimProcess } from "./process.ts";
import { schedulerClock } from "./scheduler.ts";
import { count } from "./stats.ts";
import type { StoreWeather } from "./store-access.ts";

/** One process's end of the outbox. */
export interface OutboxAccess {
  readonly outbox: Outbox;
  /** The process is gone, and its locks with it. */
  abandon(): void;
}

/** The outbox as one process reaches it: in the store's database, with the store's weather. */
export function outboxOf(
  weather: StoreWeather,
  data: MemoryOutboxData,
  process: SimProcess,
): OutboxAccess {
  const { scheduler, random, profile, trace } = weather;
  const inner = new MemoryOutbox({
    clock: schedulerClock(scheduler),
    limits: profile.limits,
    data,
  });
  const before = async (operation: string, chance: number): Promise<void> => {
    if (profile.latencyMs > 0) await scheduler.sleep(random.next() * profile.latencyMs);
    if (weather.down) {
      count(`outbox down for ${operation}`);
      throw new AppError("store_unavailable");
    }
    if (weather.healed || !random.chance(chance)) return;
    count(`outbox error before ${operation}`);
    throw new AppError("store_unavailable");
  };
  const after = (operation: string): void => {
    if (weather.healed || !random.chance(profile.store.commit / 2)) return;
    count(`outbox error after ${operation}`);
    throw new AppError("unknown_outcome");
  };
  const outbox: Outbox = {
    put: (rows) =>
      process.io(
        before("put", profile.store.commit).then(async () => {
          await inner.put(rows);
          trace.add(
            "put",
            process.name,
            rows.map(({ record }) => record.headers["tidegate"]),
          );
          after("put");
        }),
      ),
    pending: () => process.io(before("pending", profile.store.read).then(() => inner.pending())),
    publish: (partition, rowsMax, publish) =>
      process.io(
        before("publish", profile.store.read).then(async () => {
          const left = await inner.publish(partition, rowsMax, (entries) =>
            process.call(() => publish(entries)),
          );
          if (left === undefined) count("partition of the outbox taken");
          return left;
        }),
      ),
    submit: (messages) => process.io(inner.submit(messages)),
    stage: (messagesMax, build) =>
      process.io(
        before("stage", profile.store.read).then(() =>
          inner.stage(messagesMax, (messages) => process.call(() => build(messages))),
        ),
      ),
    parked: (rowsMax) => process.io(inner.parked(rowsMax)),
    stats: () => process.io(before("stats", profile.store.read).then(() => inner.stats())),
    close: () => Promise.resolve(),
  };
  return { outbox, abandon: () => inner.abandon() };
}
