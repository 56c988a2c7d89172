import { openDatabase, openLog, systemBasics } from "../../cli/cluster/open.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { PostgresTenantAdmin } from "../../src/adapters/postgres/tenant-admin.ts";
import { parseClusterConfig } from "../../src/config-cluster.ts";
import { startRedis } from "../../test/support/services/redis.ts";
import { Cluster } from "../cluster/cluster.ts";
import type { Target } from "../native/orders.ts";
import type { Address } from "../native/socket.ts";
import { socketIoPackages, socketIoServer } from "../peers/packages.ts";
import { PeerProcess } from "../peers/peer-process.ts";
import { ServerProcess } from "../server.ts";
import { type Extent, type Load, runLoad } from "./load.ts";

export const STAGES = [
  "standalone",
  "cluster",
  "socketio-node",
  "socketio-bun",
  "socketio-engine",
  "socketio-engine-two",
  "echo",
] as const;

export type StageName = (typeof STAGES)[number];

/** Servers that are up and warm, for all rows of a round that can share them. */
export interface Stage extends AsyncDisposable {
  readonly target: Target;
  /** The cluster behind it, where there is one. */
  readonly cluster?: Cluster;
}

export interface StageOptions extends Extent {
  readonly settings?: Readonly<Record<string, string>>;
  readonly say: (line: string) => void;
}

/** Partitions of the load's tenant in a cluster: what a small tenant has. */
const PARTITIONS = 4;
const ADDS_AT_ONCE = 8;

/** The compilers are busy for so long: of the broker's JVM far longer than of Bun. */
const WARM_UP_S: Readonly<Record<StageName, number>> = {
  standalone: 15,
  cluster: 45,
  "socketio-node": 10,
  "socketio-bun": 10,
  "socketio-engine": 10,
  "socketio-engine-two": 10,
  echo: 5,
};

/** Some loads have so few sockets that each sends more than a connection may as it comes. */
const RATES: Readonly<Record<string, string>> = {
  TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION: "10000",
};

const WARM_UP: Load = {
  layout: { sockets: 200, roomSize: 2 },
  pace: { kind: "closed", window: 16, perFrame: 1 },
  warmUpS: 0,
  seconds: 0,
};

/**
 * A closed loop for as long leaves a cluster four million messages to audit and to vacuum. At 50,000 a second
 * right behind it p99 was 54 and 58 ms, behind this one 33 and 39.
 */
const CLUSTER_WARM_UP: Load = { ...WARM_UP, pace: { kind: "open", rate: 10_000, perFrame: 1 } };

/** Seconds that a stage needs until it is warm, for the estimate of the time left. */
export function stageSeconds(name: StageName, { isQuick }: Extent): number {
  return isQuick ? 8 : WARM_UP_S[name] + (name === "cluster" ? 20 : 3);
}

export async function openStage(name: StageName, options: StageOptions): Promise<Stage> {
  const stage = await startStage(name, options);
  try {
    const warmUpS = WARM_UP_S[name];
    const load = name === "cluster" ? CLUSTER_WARM_UP : WARM_UP;
    if (!options.isQuick) await runLoad(stage.target, { ...load, warmUpS, seconds: 1 }, options);
    return stage;
  } catch (error) {
    await stage[Symbol.asyncDispose]();
    throw error;
  }
}

/** As {@link openStage}, but cold. */
export function startStage(name: StageName, options: StageOptions): Promise<Stage> {
  if (name === "standalone") return standalone(options);
  if (name === "cluster") return clusterStage(options);
  if (name === "echo") return echo();
  return socketIo(name, options);
}

async function standalone({ settings = {} }: StageOptions): Promise<Stage> {
  const server = await ServerProcess.start({ settings: { ...RATES, ...settings } });
  const target: Target = {
    protocol: "tidegate",
    addresses: [server.address],
    key: server.key.key,
  };
  return { target, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function clusterStage({ settings = {}, say }: StageOptions): Promise<Stage> {
  const cluster = await Cluster.start({
    gateways: 1,
    consumers: 1,
    brokers: 1,
    partitions: PARTITIONS,
    settings: { ...RATES, ...settings },
    log: say,
  });
  return {
    cluster,
    // Gateways may be added later.
    get target(): Target {
      return { protocol: "tidegate", addresses: cluster.addresses, key: cluster.key.key };
    },
    [Symbol.asyncDispose]: () => cluster[Symbol.asyncDispose](),
  };
}

async function echo(): Promise<Stage> {
  const server = await PeerProcess.start([process.execPath, "load/peers/echo-server.ts"]);
  const target: Target = { protocol: "echo", addresses: [server.address] };
  return { target, [Symbol.asyncDispose]: () => server[Symbol.asyncDispose]() };
}

async function socketIo(
  name: Exclude<StageName, "standalone" | "cluster" | "echo">,
  { say }: StageOptions,
): Promise<Stage> {
  const runtime = name === "socketio-node" ? Bun.which("node") : process.execPath;
  if (runtime === null) throw new Error("node is not on PATH");
  const folder = await socketIoPackages(say);
  const program = await socketIoServer(folder);
  await using resources = new AsyncDisposableStack();
  const redis = resources.use(await startRedis({ mode: "single" }));
  const engine = name.startsWith("socketio-engine") ? "bun" : "ws";
  const addresses: Address[] = [];
  for (let i = name.endsWith("-two") ? 2 : 1; i > 0; i--) {
    const command = [runtime, program, folder, redis.url, engine];
    addresses.push(resources.use(await PeerProcess.start(command)).address);
  }
  const owned = resources.move();
  return {
    target: { protocol: "socketio", addresses },
    [Symbol.asyncDispose]: () => owned.disposeAsync(),
  };
}

/** Gives a cluster tenants named `t1` … `t<count>`. @returns their names */
export async function addTenants(
  cluster: Cluster,
  count: number,
  placement: "own" | "shared",
): Promise<string[]> {
  const config = parseClusterConfig({ ...cluster.settings, ...cluster.key.settings }, "tool");
  const telemetry = createMemoryTelemetry();
  const database = openDatabase(config, "tidegate/load", ADDS_AT_ONCE);
  const log = openLog(config, { ...systemBasics(), telemetry });
  const { retentionMs } = config;
  const admin = new PostgresTenantAdmin({ database, log, retentionMs, retentionBytes: undefined });
  const names = Array.from({ length: count }, (_, i) => `t${i + 1}`);
  const plan =
    placement === "own"
      ? ({ plan: "standard", partitions: 1 } as const)
      : ({ plan: "shared" } as const);
  try {
    for (let i = 0; i < count; i += ADDS_AT_ONCE) {
      const some = names.slice(i, i + ADDS_AT_ONCE);
      await Promise.all(some.map((name) => admin.add({ name, ...plan })));
    }
  } finally {
    await log.close();
    await database.close();
  }
  return names;
}
