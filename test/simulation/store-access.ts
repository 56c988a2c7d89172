import type { MemoryStoreData } from "../../src/adapters/memory/message-store-data.ts";
import {
  MemoryMessageStore,
  type StoreOperation,
} from "../../src/adapters/memory/message-store.ts";
import { AppError } from "../../src/errors.ts";
import type { MessageStore, StoreBatch } from "../../src/ports/message-store.ts";
import type { SimProcess } from "./process.ts";
import type { Profile } from "./profile.ts";
import type { SeededRandom } from "./random.ts";
import type { Scheduler } from "./scheduler.ts";
import { count } from "./stats.ts";
import type { Trace } from "./trace.ts";

export interface StoreWeather {
  readonly data: MemoryStoreData;
  readonly scheduler: Scheduler;
  readonly random: SeededRandom;
  readonly profile: Profile;
  readonly trace: Trace;
  /** Every call is refused. */
  down: boolean;
  healed: boolean;
}

const WRITES: readonly StoreOperation[] = ["commit", "acquire"];

/** The store as one process reaches it: over a wire with delays, errors and unknown outcomes. */
export function storeOf(weather: StoreWeather, process: SimProcess): MessageStore {
  const { data, scheduler, random, profile, trace } = weather;
  const chanceOf = (operation: StoreOperation): number => {
    if (weather.healed) return 0;
    return WRITES.includes(operation) ? profile.store.commit : profile.store.read;
  };
  const store = new MemoryMessageStore(data, {
    async before(operation) {
      if (profile.latencyMs > 0) await scheduler.sleep(random.next() * profile.latencyMs);
      if (weather.down) {
        count(`store down for ${operation}`);
        throw new AppError("store_unavailable");
      }
      if (!random.chance(chanceOf(operation))) return;
      count(`store error before ${operation}`);
      throw new AppError(
        WRITES.includes(operation) && random.chance(0.3) ? "unknown_outcome" : "store_unavailable",
      );
    },
    after(operation) {
      if (!WRITES.includes(operation) || !random.chance(chanceOf(operation) / 2)) return;
      count(`store error after ${operation} was applied`);
      throw new AppError("unknown_outcome");
    },
  });
  const commit = async (batch: StoreBatch): Promise<void> => {
    try {
      await store.commit(batch);
      trace.add("stored", batch.topic, batch.partition, `up to ${batch.nextOffset}`);
    } catch (error) {
      const code = error instanceof AppError ? error.code : String(error);
      count(`commit refused: ${code}`);
      trace.add("not stored", process.name, batch.topic, batch.partition, batch.nextOffset, code);
      throw error;
    }
  };
  return {
    acquire: (partition) => process.io(store.acquire(partition)),
    window: (partition, from) => process.io(store.window(partition, from)),
    heads: (tenant, names) => process.io(store.heads(tenant, names)),
    findIds: (partition, ids) => process.io(store.findIds(partition, ids)),
    commit: (batch) => process.io(commit(batch)),
    history: (range) => process.io(store.history(range)),
    feed: (partition, from, eventsMax) => process.io(store.feed(partition, from, eventsMax)),
    offsets: () => process.io(store.offsets()),
    close: () => store.close(),
  };
}
