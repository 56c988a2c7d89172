/**
 * Measures the standalone log alone: what it takes at full speed, and how long appends wait at a
 * fixed rate. Usage: `bench-log.ts [--seconds 10] [--rate 10000] [--folder <path>]`; prints one
 * JSON line for each run.
 */
import { mkdtempSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import { openSqliteEventLog, type SqliteEventLog } from "../src/adapters/sqlite/event-log.ts";
import { createSystemClock } from "../src/adapters/system/clock.ts";
import { createSystemRandom } from "../src/adapters/system/random.ts";
import { partitionOf } from "../src/policy/partitioner.ts";
import type { LogRecord } from "../src/wire/record.ts";

const { values: args } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    rate: { type: "string", default: "10000" },
    folder: { type: "string" },
    "segment-mib": { type: "string" },
    only: { type: "string", default: "" },
  },
});
const SECONDS = Number(args.seconds);
const PARTITIONS = 32;
const CONVERSATIONS = 1_000;
const TICKS_PER_S = 100;

let made = 0;
function makeRecord(): LogRecord {
  const key = `room-${made++ % CONVERSATIONS}`;
  const id = `0193${made.toString(16).padStart(28, "0")}`;
  return {
    key,
    headers: { tidegate: `1 1 abcdefgh ${id} 70 180` },
    value: `{"id":"${id}","type":"message.sent","timestamp":1795254378085,"tenant_id":"acme","version":"1","metadata":{"source":"gateway"},"payload":{"conversation_id":"${key}","key":"${id}","sender":"ana","kind":"text","content":{"text":"${"é\\n".repeat(10)}${"x".repeat(150)}"}}}`,
  };
}

/** Jiffies of CPU by thread name, from /proc: main, writer and keeper are told apart by their age. */
function threadCpuMs(): Map<string, number> {
  const ticks = new Map<string, number>();
  for (const id of readdirSync("/proc/self/task")) {
    try {
      const stat = readFileSync(`/proc/self/task/${id}/stat`, "utf8");
      const fields = stat.slice(stat.lastIndexOf(")") + 2).split(" ");
      const name = stat.slice(stat.indexOf("(") + 1, stat.lastIndexOf(")"));
      ticks.set(`${name}-${id}`, (Number(fields[11]) + Number(fields[12])) * 10);
    } catch {
      // The thread has ended between the two reads.
    }
  }
  return ticks;
}

function quantiles(samples: readonly number[]): Record<string, number> {
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number) =>
    Number((sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2));
  return { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: at(1) };
}

async function consumeAll(
  log: SqliteEventLog,
  group: string,
  count: (records: number) => void,
): Promise<void> {
  await log.consume({
    group,
    member: "one",
    topics: ["t"],
    handler: {
      assigned: () => Promise.resolve(0),
      records: (batch) => count(batch.records.length),
      revoked: () => Promise.resolve(),
      lost: () => {},
      failed: (_, __, error) => {
        throw error;
      },
    },
  });
}

async function measure(
  name: string,
  run: (log: SqliteEventLog, waits: number[]) => Promise<void>,
): Promise<void> {
  if (!name.includes(args.only)) return;
  const folder = mkdtempSync(join(args.folder ?? tmpdir(), "bench-log-"));
  const mib = args["segment-mib"];
  const log = await openSqliteEventLog({
    folder,
    clock: createSystemClock(),
    random: createSystemRandom(),
    ...(mib === undefined ? {} : { limits: { segmentBytesMax: Number(mib) * 1024 * 1024 } }),
  });
  await log.createTopic({ name: "t", partitions: PARTITIONS, retentionMs: 3_600_000 });
  let delivered = 0;
  await consumeAll(log, "live", (count) => {
    delivered += count;
  });
  const waits: number[] = [];
  let stallMs = 0;
  let last = performance.now();
  const watch = setInterval(() => {
    const now = performance.now();
    stallMs = Math.max(stallMs, now - last - 5);
    last = now;
  }, 5);
  const cpuBefore = process.cpuUsage();
  const threadsBefore = threadCpuMs();
  const begun = performance.now();
  await run(log, waits);
  const seconds = (performance.now() - begun) / 1_000;
  const cpu = process.cpuUsage(cpuBefore);
  clearInterval(watch);
  const { flushes, records, checkpoints, segments, bytes, ...flush } = log.stats();
  const threads = [...threadCpuMs()]
    .map(([thread, ms]) => [thread, ms - (threadsBefore.get(thread) ?? 0)] as const)
    .filter(([, ms]) => (ms * 1_000) / records > 0.05)
    .map(([thread, ms]) => [thread, Number(((ms * 1_000) / records).toFixed(2))] as const);
  const figures = {
    name,
    appended_per_s: Math.round(records / seconds),
    delivered,
    records_per_flush: Number((records / flushes).toFixed(1)),
    flushes_per_s: Math.round(flushes / seconds),
    flush_p50_ms: Number(flush.flushMsP50.toFixed(2)),
    flush_p99_ms: Number(flush.flushMsP99.toFixed(2)),
    flush_p999_ms: Number(flush.flushMsP999.toFixed(2)),
    flush_max_ms: Number(flush.flushMsMax.toFixed(2)),
    append: quantiles(waits),
    loop_stall_max_ms: Number(stallMs.toFixed(1)),
    cpu_us_per_record: Number(((cpu.user + cpu.system) / records).toFixed(2)),
    cpu_us_per_record_by_thread: Object.fromEntries(threads),
    checkpoints,
    segments,
    mib: Math.round(bytes / 1024 / 1024),
  };
  console.log(JSON.stringify(figures));
  await log.close();
  rmSync(folder, { recursive: true, force: true });
}

/** As many appends in flight as keep the log busy, each of `size` records. */
async function fullSpeed(log: SqliteEventLog, waits: number[], size: number): Promise<void> {
  const until = performance.now() + SECONDS * 1_000;
  const lane = async (partition: number): Promise<void> => {
    while (performance.now() < until) {
      const records = Array.from({ length: size }, makeRecord);
      const begun = performance.now();
      await log.append("t", partition, records);
      waits.push(performance.now() - begun);
    }
  };
  await Promise.all(Array.from({ length: 64 }, (_, i) => lane(i % PARTITIONS)));
}

/** Open loop: what is due is appended whether or not earlier appends have been answered. */
async function fixedRate(log: SqliteEventLog, waits: number[], rate: number): Promise<void> {
  const begun = performance.now();
  const calls: Promise<void>[] = [];
  let sent = 0;
  while (sent < rate * SECONDS) {
    const due = Math.min(rate * SECONDS, ((performance.now() - begun) / 1_000) * rate);
    while (sent < due) {
      const size = 1 + (sent % 10);
      const records = Array.from({ length: size }, makeRecord);
      sent += size;
      const partition = partitionOf(records[0]?.key ?? "", PARTITIONS);
      const at = performance.now();
      calls.push(
        log.append("t", partition, records).then(() => void waits.push(performance.now() - at)),
      );
    }
    await new Promise((resolve) => setTimeout(resolve, 1_000 / TICKS_PER_S / 10));
  }
  await Promise.all(calls);
}

await measure("full speed, 10 a batch", (log, waits) => fullSpeed(log, waits, 10));
await measure("full speed, 100 a batch", (log, waits) => fullSpeed(log, waits, 100));
await measure(`open loop, ${args.rate} a second`, (log, waits) =>
  fixedRate(log, waits, Number(args.rate)),
);
await measure(`catching up beside ${args.rate} a second`, async (log, waits) => {
  // What the second group reads from the files while the first one is fed from memory.
  const before: number[] = [];
  await fullSpeed(log, before, 100);
  const behind = log.stats().records;
  let read = 0;
  let caughtUpMs = 0;
  const begun = performance.now();
  await consumeAll(log, "late", (count) => {
    read += count;
    if (read >= behind && caughtUpMs === 0) caughtUpMs = performance.now() - begun;
  });
  await fixedRate(log, waits, Number(args.rate));
  console.log(
    JSON.stringify({
      name: "catch-up",
      records: behind,
      per_s: Math.round((behind / caughtUpMs) * 1_000),
    }),
  );
});
