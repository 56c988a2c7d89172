import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  openSqliteMessageStore,
  type SqliteMessageStore,
  type StoreTuning,
} from "../../src/adapters/sqlite/message-store.ts";
import { limitsWith } from "../../src/limits.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";

/** Keeps nothing. */
export const silentTelemetry: Telemetry = {
  counter: () => ({ value: 0 }),
  histogram: () => ({ observe: () => {} }),
  gauge: () => {},
  readings: () => {},
  log: () => {},
};

export interface TemporaryStore {
  readonly store: SqliteMessageStore;
  readonly folder: string;
  dispose(): Promise<void>;
}

/** A store in a folder of its own, which goes with it; or in one that is there. */
export async function openTemporaryStore(
  tuning: Partial<StoreTuning> = {},
  folder = mkdtempSync(join(tmpdir(), "tidegate-store-")),
): Promise<TemporaryStore> {
  const limits = limitsWith();
  const store = await openSqliteMessageStore({
    folder,
    limits,
    telemetry: silentTelemetry,
    tuning,
  });
  return {
    store,
    folder,
    async dispose() {
      await store.close();
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
