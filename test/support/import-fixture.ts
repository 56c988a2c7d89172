import { openSqliteMessageStore } from "../../src/adapters/sqlite/message-store.ts";
import { limitsWith } from "../../src/limits.ts";
import { placed } from "../conformance/message-store-kit.ts";
import { silentTelemetry } from "./sqlite-store.ts";

// Imports into the store of a folder, says so when most of it is written, and never ends.
const folder = process.argv[2] as string;
const EVENTS = 20_000;
const PIECE = 1_000;

async function* runs() {
  for (let seqFirst = 1; seqFirst <= EVENTS; seqFirst += PIECE) {
    const events = Array.from({ length: PIECE }, (_, i) => placed(seqFirst + i));
    yield [{ conversation: "general", partition: 0, epoch: "e1", seqFirst, events }];
  }
  process.stdout.write("written\n");
  await new Promise(() => setInterval(() => {}, 1_000));
}

const store = await openSqliteMessageStore({
  folder,
  limits: limitsWith(),
  telemetry: silentTelemetry,
  // What does not fit is spilled into the write-ahead log, as with a large tenant.
  tuning: { writerCacheBytes: 64 * 1024 },
});
await store.importTenant({ tenant: "acme", topic: "t", partitions: 1, runs: runs() });
