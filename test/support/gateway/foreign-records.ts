import type { EventLog } from "../../../src/ports/event-log.ts";
import { fixtureRecord } from "../append-record.ts";
import { run } from "./sending.ts";

/** Appends records that no gateway wrote to partition 0. */
export async function appendFixtureRecords(
  log: EventLog,
  topic: string,
  count: number,
): Promise<void> {
  for (const n of run(count)) await log.append(topic, 0, [fixtureRecord(n)]);
}
