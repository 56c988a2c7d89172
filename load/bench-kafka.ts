/**
 * Measures appends to Kafka alone: what goes through at full speed, and how long appends wait at a
 * fixed rate. Usage: `bench-kafka.ts [--seconds 10] [--rate 10000] [--partitions 8] [--linger 2]
 * [--in-flight 2] [--compression none] [--only open|closed]` with the brokers in KAFKA_BROKERS;
 * prints one JSON line for each run. Its topic is deleted at the end.
 */
import { parseArgs } from "node:util";
import { createKafkaEventLog, type KafkaEventLog } from "../src/adapters/kafka/event-log.ts";
import { createSystemClock } from "../src/adapters/system/clock.ts";
import { KAFKA_DEFAULTS, type KafkaCompression } from "../src/kafka/settings.ts";
import { limitsWith } from "../src/limits.ts";
import { partitionOf } from "../src/policy/partitioner.ts";
import type { LogRecord } from "../src/wire/record.ts";

const { values: args } = parseArgs({
  options: {
    seconds: { type: "string", default: "10" },
    rate: { type: "string", default: "10000" },
    partitions: { type: "string", default: "8" },
    linger: { type: "string", default: String(KAFKA_DEFAULTS.lingerMs) },
    "in-flight": { type: "string", default: String(limitsWith().produceInFlightMax) },
    compression: { type: "string", default: "none" },
    /** Appends that wait for their outcome at full speed, and records in each. */
    window: { type: "string", default: "64" },
    records: { type: "string", default: "100" },
    only: { type: "string", default: "" },
  },
});
const SECONDS = Number(args.seconds);
const PARTITIONS = Number(args.partitions);
const CONVERSATIONS = 1_000;
const TICK_MS = 2;
const topic = `bench-${crypto.randomUUID()}`;

const log = createKafkaEventLog({
  settings: {
    ...KAFKA_DEFAULTS,
    brokers: (process.env.KAFKA_BROKERS ?? "127.0.0.1:9092").split(",").map((address) => {
      const [host, port] = address.split(":");
      return { host: host as string, port: Number(port) };
    }),
    clientId: "tidegate-bench",
    lingerMs: Number(args.linger),
    compression: args.compression as KafkaCompression,
  },
  clock: createSystemClock(),
  limits: limitsWith({ produceInFlightMax: Number(args["in-flight"]) }),
});

let made = 0;
function makeRecord(): LogRecord {
  const key = `room-${made++ % CONVERSATIONS}`;
  const id = `0193${made.toString(16).padStart(28, "0")}`;
  return {
    key,
    headers: { tidegate: `1 1 abcdefgh ${id} 70 180` },
    value: `{"id":"${id}","type":"message.sent","timestamp":1795254378085,"tenant_id":"acme","version":"1","metadata":{"source":"gateway"},"payload":{"conversation_id":"${key}","key":"${id}","sender":"ana","kind":"text","content":{"text":"${"é\\n".repeat(10)}${"x".repeat(100)}"}}}`,
  };
}

function quantiles(samples: readonly number[]): Record<string, number> {
  const sorted = Float64Array.from(samples).sort();
  const at = (share: number) =>
    Number((sorted[Math.floor((sorted.length - 1) * share)] ?? 0).toFixed(2));
  return { p50_ms: at(0.5), p99_ms: at(0.99), p999_ms: at(0.999), max_ms: at(1) };
}

async function measure(
  name: string,
  run: (appended: (records: number, ms: number) => void) => Promise<void>,
): Promise<void> {
  if (!name.includes(args.only)) return;
  const waits: number[] = [];
  let records = 0;
  const cpuBefore = process.cpuUsage();
  const begun = performance.now();
  await run((count, ms) => {
    records += count;
    waits.push(ms);
  });
  const seconds = (performance.now() - begun) / 1_000;
  const { user, system } = process.cpuUsage(cpuBefore);
  console.log(
    JSON.stringify({
      run: name,
      per_second: Math.round(records / seconds),
      cpu_us_per_record: Number(((user + system) / records).toFixed(2)),
      ...quantiles(waits),
      linger_ms: Number(args.linger),
      in_flight: Number(args["in-flight"]),
      compression: args.compression,
    }),
  );
}

/** One append for each partition that has records, as a gateway's turn makes them. */
function appendTurn(
  target: KafkaEventLog,
  count: number,
): { done: Promise<number>; records: number }[] {
  const turn: LogRecord[][] = [];
  for (let i = 0; i < count; i++) {
    const record = makeRecord();
    (turn[partitionOf(record.key, PARTITIONS)] ??= []).push(record);
  }
  return turn.flatMap((records, partition) => [
    { done: target.append(topic, partition, records), records: records.length },
  ]);
}

await log.createTopic({ name: topic, partitions: PARTITIONS, retentionMs: 3_600_000 });
await Promise.all(appendTurn(log, 1_000).map(({ done }) => done));

await measure("open", async (appended) => {
  const rate = Number(args.rate);
  const pending: Promise<void>[] = [];
  const begun = performance.now();
  for (let sent = 0; sent < rate * SECONDS;) {
    const due = Math.floor(((performance.now() - begun) / 1_000) * rate) - sent;
    const startedAt = performance.now();
    for (const { done, records } of appendTurn(log, due))
      pending.push(done.then(() => appended(records, performance.now() - startedAt)));
    sent += due;
    await Bun.sleep(TICK_MS);
  }
  await Promise.all(pending);
});

await measure("closed", async (appended) => {
  const until = performance.now() + SECONDS * 1_000;
  const batch = Array.from({ length: Number(args.records) }, makeRecord);
  const loop = async (partition: number) => {
    while (performance.now() < until) {
      const startedAt = performance.now();
      await log.append(topic, partition, batch);
      appended(batch.length, performance.now() - startedAt);
    }
  };
  await Promise.all(Array.from({ length: Number(args.window) }, (_, i) => loop(i % PARTITIONS)));
});

await log.deleteTopic(topic);
await log.close();
