/**
 * Commits batches to the store in the folder that it is given until it is killed, and prints the
 * next offset of each partition whenever one has resolved.
 */
import { openSqliteMessageStore } from "../../src/adapters/sqlite/message-store.ts";
import { limitsWith } from "../../src/limits.ts";
import { crashEvents, CRASH_PARTITIONS, CRASH_TOPIC } from "../support/crash-events.ts";
import { silentTelemetry } from "../support/sqlite-store.ts";

const folder = process.argv[2] as string;
const store = await openSqliteMessageStore({
  folder,
  limits: limitsWith(),
  telemetry: silentTelemetry,
  // Checkpoints all the time, so that some are cut off too.
  tuning: { checkpointBytes: 64 * 1024 },
});

async function commitForever(partition: number): Promise<never> {
  const state = await store.acquire({ topic: CRASH_TOPIC, partition });
  let offset = state.nextOffset;
  for (;;) {
    const events = crashEvents(partition, offset);
    const nextOffset = offset + events.length;
    await store.commit({
      topic: CRASH_TOPIC,
      partition,
      incarnation: "i1",
      ownerEpoch: state.ownerEpoch,
      expectedOffset: offset,
      nextOffset,
      lastId: events.at(-1)?.id ?? "",
      events,
    });
    offset = nextOffset;
    process.stdout.write(`${partition} ${offset}\n`);
  }
}

await Promise.all(Array.from({ length: CRASH_PARTITIONS }, (_, i) => commitForever(i)));
