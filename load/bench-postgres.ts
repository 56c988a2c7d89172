/**
 * What the cluster mode's store costs by itself, in a schema of its own that goes afterwards:
 * `bun load/bench-postgres.ts --url=postgres://… [--events=400000] [--reads]`.
 * Prints one JSON line a scenario. The server's CPU is known when it runs on this machine.
 */
import { readdirSync, readFileSync } from "node:fs";
import { PostgresDatabase } from "../src/adapters/postgres/database.ts";
import {
  openPostgresMessageStore,
  type PostgresMessageStore,
} from "../src/adapters/postgres/message-store.ts";
import { migrate } from "../src/adapters/postgres/migrate.ts";
import { limitsWith } from "../src/limits.ts";
import type { PlacedEvent, StoreBatch } from "../src/ports/message-store.ts";
import type { Telemetry } from "../src/ports/telemetry.ts";
import { Arguments } from "./arguments.ts";

const flags = new Arguments();
const url = flags.text("url") ?? process.env["DATABASE_URL"];
if (url === undefined) throw new Error("--url=postgres://… is missing");
const EVENTS = flags.number("events", 400_000);
const PARTITIONS = 8;
const TICK_US = 10_000;
const WORDS =
  "the quick brown fox says “hé” 😀 and jumps over a lazy dog who café stands news".split(" ");

const telemetry: Telemetry = {
  counter: () => ({ value: 0 }),
  histogram: () => ({ observe() {} }),
  gauge() {},
  readings() {},
  log: (level, message, fields) => console.error(level, message, fields),
};

const connection = {
  url,
  schema: `bench_${process.pid}`,
  applicationName: "tidegate-bench",
  connectTimeoutMs: 5_000,
  statementTimeoutMs: 30_000,
};

/** Batches as workers make them: conversations by partition, seqs without holes. */
class Traffic {
  readonly store: PostgresMessageStore;
  readonly #owners: number[] = [];
  readonly #offsets: number[] = [];
  readonly #seqs = new Map<number, number>();

  constructor(store: PostgresMessageStore) {
    this.store = store;
  }

  async acquire(): Promise<void> {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const state = await this.store.acquire({ topic: "bench", partition });
      this.#owners.push(state.ownerEpoch);
      this.#offsets.push(state.nextOffset);
    }
  }

  /** One batch for each partition. */
  group(eventsEach: number, nameOf: () => number): StoreBatch[] {
    return this.#owners.map((ownerEpoch, partition) => {
      const expectedOffset = this.#offsets[partition] as number;
      const events = Array.from({ length: eventsEach }, (_, i) =>
        this.#event(partition, expectedOffset + i, nameOf()),
      );
      const nextOffset = expectedOffset + eventsEach;
      this.#offsets[partition] = nextOffset;
      return {
        topic: "bench",
        partition,
        incarnation: "i1",
        ownerEpoch,
        expectedOffset,
        nextOffset,
        lastId: events.at(-1)?.id ?? "",
        events,
      };
    });
  }

  #event(partition: number, offset: number, name: number): PlacedEvent {
    const number = name - (name % PARTITIONS) + partition;
    const seq = (this.#seqs.get(number) ?? 0) + 1;
    this.#seqs.set(number, seq);
    const key = Bun.randomUUIDv7();
    const id = `${key}.A1b2C3d4E5f6G7h8`;
    const text = Array.from(
      { length: 40 },
      () => WORDS[Math.floor(Math.random() * WORDS.length)],
    ).join(" ");
    return {
      tenant: "acme",
      conversation: `conversation-${number}`,
      epoch: "e1",
      seq,
      offset,
      id,
      fingerprint: "0123456789abc",
      // Flat, as the slices of records are.
      event: flat(
        `{"id":"${id}","type":"message.sent","timestamp":1795254378085,"key":"${key}","sender":"ana","kind":"text","content":{"text":"${text}"}}`,
      ),
    };
  }
}

function flat(text: string): string {
  return Buffer.from(text).toString();
}

function percentile(values: readonly number[], part: number): number {
  const sorted = values.toSorted((a, b) => a - b);
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0;
}

function print(name: string, figures: Readonly<Record<string, number>>): void {
  const rounded = Object.entries(figures).map(([key, value]) => [
    key,
    Math.round(value * 100) / 100,
  ]);
  console.log(JSON.stringify({ name, ...Object.fromEntries(rounded) }));
}

/** CPU of the server with all its processes, since its start; 0 when it is not on this machine. */
class ServerCpu {
  readonly #root: number | undefined;

  constructor(backend: number) {
    this.#root = readStat(backend)?.parent;
  }

  microseconds(): number {
    if (this.#root === undefined) return 0;
    const root = readStat(this.#root);
    let ticks = (root?.own ?? 0) + (root?.ended ?? 0);
    for (const name of readdirSync("/proc")) {
      const stat = /^\d+$/.test(name) ? readStat(Number(name)) : undefined;
      if (stat?.parent === this.#root) ticks += stat.own;
    }
    return ticks * TICK_US;
  }
}

function readStat(pid: number): { parent: number; own: number; ended: number } | undefined {
  try {
    const text = readFileSync(`/proc/${pid}/stat`, "utf8");
    const fields = text
      .slice(text.lastIndexOf(")") + 2)
      .split(" ")
      .map(Number);
    const at = (i: number): number => fields[i] ?? 0;
    return { parent: at(1), own: at(11) + at(12), ended: at(13) + at(14) };
  } catch {
    // It ended meanwhile, or the server is elsewhere.
    return undefined;
  }
}

async function commitTimed(
  store: PostgresMessageStore,
  group: readonly StoreBatch[],
  latencies: number[],
): Promise<void> {
  await Promise.all(
    group.map(async (batch) => {
      const started = performance.now();
      await store.commit(batch);
      latencies.push(performance.now() - started);
    }),
  );
}

interface Bench {
  readonly database: PostgresDatabase;
  readonly server: ServerCpu;
  readonly traffic: Traffic;
}

/** @param everyMs time between two groups; absent: the next follows at once, two under way */
async function measureWrites(
  { server, traffic, database }: Bench,
  name: string,
  eventsEach: number,
  conversations: number,
  everyMs?: number,
): Promise<void> {
  const nameOf = (): number => Math.floor(Math.random() * conversations);
  const perGroup = eventsEach * PARTITIONS;
  const groups = Array.from({ length: Math.ceil(EVENTS / perGroup) + 1 }, () =>
    traffic.group(eventsEach, nameOf),
  );
  // Connections, statements and names are made.
  await commitTimed(traffic.store, groups.shift() ?? [], []);
  const events = groups.length * perGroup;
  Bun.gc(true);
  const bytesBefore = await walBytes(database);
  const serverBefore = server.microseconds();
  const cpu = process.cpuUsage();
  const started = performance.now();
  const latencies: number[] = [];
  let pending = Promise.resolve();
  for (const [i, group] of groups.entries()) {
    if (everyMs !== undefined)
      await Bun.sleep(Math.max(0, started + i * everyMs - performance.now()));
    const commits = commitTimed(traffic.store, group, latencies);
    if (everyMs === undefined) await pending;
    pending = everyMs === undefined ? commits : Promise.all([pending, commits]).then(() => {});
  }
  await pending;
  const ms = performance.now() - started;
  const { user, system } = process.cpuUsage(cpu);
  print(name, {
    events_per_s: (events / ms) * 1_000,
    bun_us: (user + system) / events,
    postgres_us: (server.microseconds() - serverBefore) / events,
    wal_bytes: ((await walBytes(database)) - bytesBefore) / events,
    commit_p50_ms: percentile(latencies, 0.5),
    commit_p99_ms: percentile(latencies, 0.99),
  });
}

async function walBytes(database: PostgresDatabase): Promise<number> {
  const [row]: [{ bytes: number }] = await database.use(
    (session) => session`SELECT (pg_current_wal_lsn() - '0/0'::pg_lsn)::float8 AS bytes`,
  );
  return row.bytes;
}

async function measureReads({ traffic: { store } }: Bench, conversations: number): Promise<void> {
  const time = async (count: number, run: () => Promise<unknown>): Promise<number[]> => {
    const times: number[] = [];
    for (let i = 0; i < count; i++) {
      const started = performance.now();
      await run();
      times.push(performance.now() - started);
    }
    return times;
  };
  const name = (): string => `conversation-${Math.floor(Math.random() * conversations)}`;
  const show = (label: string, times: readonly number[]): void =>
    print(label, { p50_ms: percentile(times, 0.5), p99_ms: percentile(times, 0.99) });
  const page = (eventsMax: number, order: "up" | "down") => () =>
    store.history({
      tenant: "acme",
      conversation: name(),
      from: 1,
      to: Number.MAX_SAFE_INTEGER,
      eventsMax,
      charsMax: 256 * 1024,
      order,
    });
  show("history, last 50", await time(1_000, page(50, "down")));
  show("history, first 50", await time(1_000, page(50, "up")));
  show("history, last 1,000 or 256 Ki characters", await time(200, page(1_000, "down")));
  show(
    "heads of 1,000 conversations",
    await time(50, () =>
      store.heads(
        "acme",
        Array.from({ length: 1_000 }, () => name()),
      ),
    ),
  );
  const topic = { topic: "bench", partition: 0 };
  const end = (await store.offsets()).find(({ partition }) => partition === 0)?.nextOffset ?? 0;
  const from = Math.max(0, end - 65_536);
  show("window of 65,536 offsets", await time(5, () => store.window(topic, from)));
  const ids = (await store.window(topic, from)).map(({ id }) => id);
  const spread = ids.filter((_, i) => i % 16 === 0);
  show("findIds of 4,096", await time(5, () => store.findIds(topic, spread)));
  show("findIds of 1", await time(50, () => store.findIds(topic, spread.slice(0, 1))));
  const started = performance.now();
  let read = 0;
  for (let at = 0; at < end;) {
    const { events, nextOffset } = await store.feed(topic, at, 4_096);
    read += events.length;
    at = nextOffset;
  }
  print("feed, pages of 4,096", { events_per_s: (read / (performance.now() - started)) * 1_000 });
}

async function withStore(run: (bench: Bench) => Promise<void>): Promise<void> {
  const database = new PostgresDatabase({ ...connection, connectionsMax: 1, waitingMax: 10 });
  await migrate(database);
  const store = await openPostgresMessageStore({
    ...connection,
    cluster: "bench",
    writeConnectionsMax: 2,
    readConnectionsMax: 4,
    limits: limitsWith({ storeBatchEventsMax: 8_192 }),
    telemetry,
  });
  try {
    const [{ pid }]: [{ pid: number }] = await database.use(
      (session) => session`SELECT pg_backend_pid() AS pid`,
    );
    const traffic = new Traffic(store);
    await traffic.acquire();
    await run({ database, server: new ServerCpu(pid), traffic });
  } finally {
    await store.close();
    await database.use((session) => session.unsafe(`DROP SCHEMA ${connection.schema} CASCADE`));
    await database.close();
  }
}

for (const conversations of [100, 1_000, 5_000]) {
  for (const eventsEach of [200, 1_000, 4_000]) {
    await withStore((bench) =>
      measureWrites(
        bench,
        `${conversations} conversations, batches of ${eventsEach}`,
        eventsEach,
        conversations,
      ),
    );
  }
  // 45,000 events a second, stored every 50 ms.
  await withStore((bench) =>
    measureWrites(bench, `${conversations} conversations, 45,000/s`, 281, conversations, 50),
  );
}
if (flags.has("reads"))
  await withStore(async (bench) => {
    for (let i = 0; i < 1_000_000; i += PARTITIONS * 281)
      await commitTimed(
        bench.traffic.store,
        bench.traffic.group(281, () => Math.floor(Math.random() * 1_000)),
        [],
      );
    await measureReads(bench, 1_000);
  });
