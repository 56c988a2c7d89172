import { expect, test } from "bun:test";
import type { IngestReply } from "../../src/wire/http.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import {
  chunked,
  eventLines,
  expectExact,
  numbersIn,
  replyIn,
  startMemoryIngest,
} from "../support/gateway/memory-ingest.ts";
import { until } from "../support/gateway/until.ts";
import { openKafkaLog } from "../support/kafka-log.ts";
import { startKafka } from "../support/services/kafka.ts";

const TOTAL = 6_000;
const TYPE = "business.orders.created";

/** Numbers of lines that were refused, by whether they are certainly not there. */
function refusedIn(reply: IngestReply): {
  readonly not: Set<number>;
  readonly unknown: Set<number>;
} {
  const not = new Set<number>();
  const unknown = new Set<number>();
  for (const { lines, code } of reply.faults)
    for (const [from, to] of lines)
      for (let i = from; i <= to; i++) (code === "unknown_outcome" ? unknown : not).add(i - 1);
  return { not, unknown };
}

test("a broker that hangs in the middle of a body ends it; what is told is exact, and the rest completes it in order", async () => {
  await using kafka = await startKafka();
  const log = openKafkaLog(kafka.brokers);
  await using rig = await startMemoryIngest({
    wrap: () => log,
    limits: { ingestInFlightEventsMax: 500 },
  });
  const read = async (): Promise<LogRecord[]> => {
    const { partitions = 0 } = (await log.describeTopic(TYPE)) ?? {};
    const records: LogRecord[] = [];
    for (let partition = 0; partition < partitions; partition++) {
      const { start, end } = await log.range(TYPE, partition);
      for (let at = start; at < end;) {
        const page = await log.read(TYPE, partition, at, 10_000);
        records.push(...page.records);
        at = page.nextOffset;
      }
    }
    return records;
  };
  const all = eventLines(TOTAL, (i) => `key-${i % 25}`, TYPE)
    .split("\n")
    .slice(0, -1);
  const chunks = Array.from(
    { length: TOTAL / 100 },
    (_, i) => `${all.slice(i * 100, i * 100 + 100).join("\n")}\n`,
  );
  let paused: Promise<void> | undefined;
  const { stream } = chunked(
    chunks.values().map((chunk, i) => {
      if (i === 30) paused = kafka.pause();
      return chunk;
    }),
  );
  const reply = await replyIn(await rig.post(stream));
  await paused;
  await kafka.resume();
  expectExact(reply);
  expect(reply).toMatchObject({ complete: false, stopped: { retriable: true } });
  expect(reply.accepted).toBeGreaterThan(0);
  const { not, unknown } = refusedIn(reply);
  expect(not.size + unknown.size).toBeGreaterThan(0);

  const there = new Set(numbersIn(await read()));
  for (let i = 0; i < TOTAL; i++) {
    if (i >= reply.lines || not.has(i)) expect([i, there.has(i)]).toEqual([i, false]);
    else if (!unknown.has(i)) expect([i, there.has(i)]).toEqual([i, true]);
  }

  const rest = all.filter((_, i) => i >= reply.lines || not.has(i) || unknown.has(i)).join("\n");
  let again: IngestReply | undefined;
  await until(
    "the broker takes everything again",
    async () => (again = await replyIn(await rig.post(rest))).complete,
    30_000,
  );
  expect(again?.faults).toEqual([]);
  const records = await read();
  const first = new Map<string, LogRecord>();
  for (const record of records) {
    const { id } = JSON.parse(record.value) as { id: string };
    if (!first.has(id)) first.set(id, record);
  }
  expect(first.size).toBe(TOTAL);
  for (let key = 0; key < 25; key++) {
    const own = [...first.values()].filter((record) => record.key === `acme/key-${key}`);
    expect(numbersIn(own)).toEqual(Array.from({ length: TOTAL / 25 }, (_, i) => i * 25 + key));
  }
  await log.close();
}, 120_000);
