/**
 * What the standalone store costs by itself:
 * `bun load/bench-store.ts [--events=400000] [--million]`. Prints one JSON line a scenario.
 */
import { mkdtempSync, rmSync, statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { parseArgs } from "node:util";
import {
  openSqliteMessageStore,
  type SqliteMessageStore,
} from "../src/adapters/sqlite/message-store.ts";
import { limitsWith } from "../src/limits.ts";
import type { PlacedEvent } from "../src/ports/message-store.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";

const { values: flags } = parseArgs({
  options: {
    events: { type: "string", default: "400000" },
    million: { type: "boolean", default: false },
  },
});

const PARTITIONS = 8;
/** What 15 ms of linger gather at 60,000 messages a second. */
const GROUP_EVENTS = 900;
const BODY = "The quick brown fox says “hé” 😀 \\n and jumps ".padEnd(200, "over the lazy dog ");

const telemetry: Telemetry = {
  counter: () => ({ value: 0 }),
  histogram: (spec) => ({
    observe(value) {
      if (spec.name === "tidegate_store_checkpoint_duration_seconds")
        checkpoints.push(value * 1_000);
      if (spec.name === "tidegate_store_transaction_duration_seconds")
        transactions.push(value * 1_000);
    },
  }),
  gauge() {},
  readings() {},
  log: (level, message, fields) => console.error(level, message, fields),
};
const checkpoints: number[] = [];
const transactions: number[] = [];

const sum = (values: readonly number[]): number => values.reduce((a, b) => a + b, 0);

interface Partition {
  readonly partition: number;
  readonly ownerEpoch: number;
  offset: number;
}

/** Makes events as the sequencer does: conversations by partition, seqs without holes. */
class Traffic {
  readonly store: SqliteMessageStore;
  readonly #partitions: Partition[] = [];
  readonly #seqs = new Int32Array(1_000_000);
  commitMs: number[] = [];
  encodeMs = 0;

  constructor(store: SqliteMessageStore) {
    this.store = store;
  }

  async acquire(): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const { ownerEpoch, nextOffset } = await this.store.acquire({ topic: "bench", partition });
      this.#partitions.push({ partition, ownerEpoch, offset: nextOffset });
    }
  }

  /** Two groups of all partitions are under way at any time. */
  async run(events: number, nameOf: (index: number) => number): Promise<void> {
    this.commitMs = [];
    this.encodeMs = 0;
    let pending = Promise.resolve();
    for (let done = 0; done < events; done += GROUP_EVENTS) {
      const group = this.#commitGroup(done, nameOf);
      await pending;
      pending = group;
    }
    await pending;
  }

  async #commitGroup(start: number, nameOf: (index: number) => number): Promise<void> {
    const batches = this.#partitions.map((): PlacedEvent[] => []);
    for (let i = 0; i < GROUP_EVENTS; i++) {
      const number = nameOf(start + i);
      const at = number % PARTITIONS;
      const partition = this.#partitions[at] as Partition;
      batches[at]?.push(this.#event(number, partition.offset++));
    }
    const before = performance.now();
    const commits = batches.map((events, at) => this.#commit(at, events));
    this.encodeMs += performance.now() - before;
    await Promise.all(commits);
  }

  async #commit(at: number, events: readonly PlacedEvent[]): Promise<void> {
    const { partition, ownerEpoch, offset } = this.#partitions[at] as Partition;
    const before = performance.now();
    await this.store.commit({
      topic: "bench",
      partition,
      incarnation: "i1",
      ownerEpoch,
      expectedOffset: offset - events.length,
      nextOffset: offset,
      lastId: events.at(-1)?.id ?? "",
      events,
    });
    this.commitMs.push(performance.now() - before);
  }

  #event(number: number, offset: number): PlacedEvent {
    const conversation = `conversation-${number}`;
    const seq = (this.#seqs[number] ?? 0) + 1;
    this.#seqs[number] = seq;
    const key = Bun.randomUUIDv7();
    const id = `${key}.A1b2C3d4E5f6G7h8`;
    return {
      tenant: "acme",
      conversation,
      epoch: "e1",
      seq,
      offset,
      id,
      fingerprint: "0123456789abcdef",
      event: `{"id":"${id}","type":"message.sent","timestamp":1795254378085,"key":"${key}","sender":"ana","kind":"text","content":{"text":"${BODY}"}}`,
    };
  }
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

const round = (value: number): number => Math.round(value * 100) / 100;

function print(name: string, figures: Readonly<Record<string, number>>): void {
  const rounded = Object.entries(figures).map(([key, value]) => [key, round(value)]);
  console.log(JSON.stringify({ name, ...Object.fromEntries(rounded) }));
}

async function measureWrites(
  name: string,
  traffic: Traffic,
  events: number,
  nameOf: (index: number) => number,
): Promise<void> {
  checkpoints.length = 0;
  transactions.length = 0;
  const cpu = process.cpuUsage();
  const started = performance.now();
  await traffic.run(events, nameOf);
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  print(name, {
    events_per_s: (events / ms) * 1_000,
    main_encode_us: (traffic.encodeMs / events) * 1_000,
    writer_us: (sum(transactions) / events) * 1_000,
    checkpoint_us: (sum(checkpoints) / events) * 1_000,
    cpu_us: (user + system) / events,
    groups: transactions.length,
    commit_p50_ms: percentile(traffic.commitMs, 0.5),
    commit_p99_ms: percentile(traffic.commitMs, 0.99),
    commit_max_ms: percentile(traffic.commitMs, 1),
    checkpoints: checkpoints.length,
    checkpoint_max_ms: percentile(checkpoints, 1),
    rss_mib: process.memoryUsage.rss() / 1024 / 1024,
  });
}

async function timed(run: () => Promise<number>): Promise<{ ms: number; count: number }> {
  const started = performance.now();
  const count = await run();
  return { ms: performance.now() - started, count };
}

async function measureReads(store: SqliteMessageStore): Promise<void> {
  const away = await timed(async () => {
    let from = 1;
    while (from <= 100_000) {
      const page = await store.history({
        tenant: "acme",
        conversation: "conversation-0",
        from,
        to: 100_000,
        eventsMax: 1_000,
        charsMax: 256 * 1024,
        order: "up",
      });
      if (page.events.length === 0) break;
      from += page.events.length;
    }
    return from - 1;
  });
  print("history up, pages of 1,000 events or 256 Ki characters", {
    events: away.count,
    events_per_s: (away.count / away.ms) * 1_000,
  });
  const offset = (await store.offsets()).find(({ partition }) => partition === 0)?.nextOffset ?? 0;
  let ids: string[] = [];
  const window = await timed(async () => {
    const entries = await store.window(
      { topic: "bench", partition: 0 },
      Math.max(0, offset - 65_536),
    );
    ids = entries.map(({ id }) => id);
    return entries.length;
  });
  print("window", { offsets: window.count, ms: window.ms });
  const every = ids.filter((_, i) => i % 16 === 0);
  const found = await timed(
    async () => (await store.findIds({ topic: "bench", partition: 0 }, every)).size,
  );
  print("findIds, spread over the window", { ids: found.count, ms: found.ms });
  const one = await timed(
    async () => (await store.findIds({ topic: "bench", partition: 0 }, every.slice(0, 1))).size,
  );
  print("findIds, one", { ids: one.count, ms: one.ms });
  const feed = await timed(async () => {
    let from = 0;
    let events = 0;
    while (from < offset) {
      const page = await store.feed({ topic: "bench", partition: 0 }, from, 4_096);
      events += page.events.length;
      from = page.nextOffset;
    }
    return events;
  });
  print("feed, pages of 4,096", {
    events: feed.count,
    events_per_s: (feed.count / feed.ms) * 1_000,
  });
}

async function measureHeads(store: SqliteMessageStore, conversations: number): Promise<void> {
  const names = Array.from(
    { length: 4_096 },
    () => `conversation-${Math.floor(Math.random() * conversations)}`,
  );
  const heads = await timed(async () => (await store.heads("acme", names)).size);
  print(`heads of 4,096 of ${conversations} conversations`, {
    ms: heads.ms,
    us_each: (heads.ms / 4_096) * 1_000,
  });
}

async function withStore(run: (store: SqliteMessageStore) => Promise<void>): Promise<void> {
  const folder = mkdtempSync(join(tmpdir(), "tidegate-bench-store-"));
  const store = await openSqliteMessageStore({ folder, limits: limitsWith(), telemetry });
  try {
    await run(store);
    await store.close();
    print("file", { mib: statSync(join(folder, "store.sqlite")).size / 1024 / 1024 });
  } finally {
    await store.close();
    rmSync(folder, { recursive: true });
  }
}

const events = Number(flags.events);
const random = (count: number) => () => Math.floor(Math.random() * count);

for (const conversations of [100, 200, 1_000, 5_000]) {
  await withStore(async (store) => {
    const traffic = new Traffic(store);
    await traffic.acquire();
    await traffic.run(GROUP_EVENTS * 20, random(conversations));
    await measureWrites(`${conversations} conversations`, traffic, events, random(conversations));
    await measureHeads(store, conversations);
  });
}
await withStore(async (store) => {
  const traffic = new Traffic(store);
  await traffic.acquire();
  // Every eighth message is of the conversation that is read back.
  await traffic.run(880_000, (i) => (i % 8 === 0 ? 0 : 1 + (i % 200)));
  await measureReads(store);
});
if (flags.million) {
  await withStore(async (store) => {
    const traffic = new Traffic(store);
    await traffic.acquire();
    await measureWrites("1,000,000 conversations once each", traffic, 1_000_000, (i) => i);
    await measureHeads(store, 1_000_000);
    const hot = Array.from({ length: 1_000 }, random(1_000_000));
    await measureWrites(
      "then 1,000 hot ones of them",
      traffic,
      events,
      () => hot[Math.floor(Math.random() * 1_000)] ?? 0,
    );
  });
}
