/**
 * Many tenants with a topic each: how soon a consumers process has taken all their partitions, what
 * it holds, and how soon a new tenant's first message is delivered.
 *
 *     bun load/bench-tenants.ts [--tenants=1000] [--partitions=4] [--new=5]
 */
import { openDatabase, openLog, systemBasics } from "../cli/cluster/open.ts";
import { createMemoryTelemetry } from "../src/adapters/memory/telemetry.ts";
import { PostgresTenantAdmin } from "../src/adapters/postgres/tenant-admin.ts";
import { parseClusterConfig } from "../src/config-cluster.ts";
import { Arguments } from "./arguments.ts";
import { Cluster } from "./cluster/cluster.ts";
import { clusterUsage, memoryMiB, usageShare } from "./cluster/usage.ts";
import { Scrape } from "./metrics.ts";
import { textFrame } from "./native/frame.ts";
import { NativeSocket } from "./native/socket.ts";
import { report } from "./result.ts";
import { isRecorded } from "./trial.ts";

const ADDS_AT_ONCE = 8;
const POLL_MS = 50;
const IDLE_MS = 10_000;
const DEADLINE_MS = 120_000;

const args = Arguments.ofProgram("dry new partitions program quick tenants".split(" "));
const tenants = args.number("tenants", 1_000);
const partitions = args.number("partitions", 4);
const news = args.number("new", 5);
const say = (line: string): void => void process.stderr.write(`${line}\n`);

await using cluster = await Cluster.start({
  gateways: 1,
  consumers: 0,
  brokers: 1,
  partitions,
  log: say,
});
const config = parseClusterConfig({ ...cluster.settings, ...cluster.key.settings }, "tool");
const telemetry = createMemoryTelemetry();
const basics = { ...systemBasics(), telemetry };
const database = openDatabase(config, "tidegate/load", ADDS_AT_ONCE);
const log = openLog(config, basics);
const admin = new PostgresTenantAdmin({
  database,
  log,
  retentionMs: config.retentionMs,
  retentionBytes: undefined,
});
const add = (name: string) => admin.add({ name, plan: "standard", partitions });

say(`adding ${tenants} tenants …`);
for (let i = 1; i < tenants; i += ADDS_AT_ONCE) {
  const names = Array.from({ length: Math.min(ADDS_AT_ONCE, tenants - i) }, (_, k) => i + k);
  await Promise.all(names.map((number) => add(`t${number}`)));
}

say("starting a consumers process …");
const startedAt = performance.now();
await cluster.startConsumers(0);
await until(async () => (await working()) >= tenants * partitions);
const startS = (performance.now() - startedAt) / 1000;
const before = clusterUsage();
await Bun.sleep(IDLE_MS);
const idle = usageShare(before, clusterUsage());

const delays: number[] = [];
for (let i = 0; i < news; i++) {
  const name = `new${i}`;
  const addedAt = performance.now();
  await add(name);
  await deliver(name);
  delays.push(performance.now() - addedAt);
}
report(
  {
    name: `cluster-tenants-${tenants}`,
    mode: "cluster",
    title: `${tenants} tenants with ${partitions} partitions each: start, idle, a new one`,
  },
  {
    start_s: startS,
    new_tenant_max_s: Math.max(...delays) / 1000,
    idle_cpu_percent: idle,
    memory_mib: memoryMiB(),
  },
  isRecorded(args),
);
await log.close();
await database.close();

/** Partitions that are assigned and whose worker has read what it needs from the store. */
async function working(): Promise<number> {
  const url = cluster.consumers[0]?.url ?? "";
  const scrape = await Scrape.of(url);
  const starting = scrape.sum("tidegate_delivery_partitions_starting");
  return scrape.sum("tidegate_delivery_partitions") - starting;
}

/** Sends a message as a user of the tenant, again until it comes back. */
async function deliver(tenant: string): Promise<void> {
  const address = cluster.address(() => 0);
  if (address === undefined) throw new Error("no gateway is up");
  const token = await cluster.key.token("ana", tenant);
  const came = Promise.withResolvers<void>();
  const key = Bun.randomUUIDv7();
  let socket: NativeSocket | undefined;
  let isAnswered = false;
  const open = async (): Promise<void> => {
    isAnswered = false;
    socket = await NativeSocket.open(address, {
      text: (bytes, start, end) => {
        const text = bytes.toString("utf8", start, end);
        if (text.includes('"subscribe":')) isAnswered = true;
        if (text.includes('"event":')) came.resolve();
      },
      turn: () => undefined,
      // It is tried again then, whatever was answered before.
      closed: () => void (isAnswered = false),
    });
    const lines = [
      { id: 1, connect: { token, client: "load/1" } },
      { id: 2, subscribe: { conversation: "first" } },
      { id: 3, send: { conversation: "first", key, content: { text: "hello" } } },
    ];
    socket.write(textFrame(lines.map((line) => JSON.stringify(line)).join("\n")));
  };
  await open();
  // A gateway that has not heard of the tenant yet refuses the connection.
  const retry = setInterval(() => {
    if (isAnswered) return;
    socket?.terminate();
    void open().catch(() => undefined);
  }, 4 * POLL_MS);
  await came.promise;
  clearInterval(retry);
  socket?.terminate();
}

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + DEADLINE_MS;
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error("the pools did not start in time");
    await Bun.sleep(POLL_MS);
  }
}
