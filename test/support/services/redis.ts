import { symlinkSync } from "node:fs";
import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";
import { RedisClient } from "bun";
import { ensureProgram } from "./apt.ts";
import { ComposeService, daemonAnswers } from "./compose.ts";
import { whenReady } from "./control.ts";
import type { Control } from "./control.ts";
import { serviceFolder } from "./guard.ts";
import { freePort, freePorts } from "./ports.ts";
import { ServiceProcess } from "./service-process.ts";

export interface RedisOptions {
  /**
   * One server (default); a Redis Cluster of three masters; or Sentinel: nodes 0 and 1 are master
   * and replica, 2 to 4 the sentinels, which call the master `tidegate`.
   */
  readonly mode?: "single" | "cluster" | "sentinel";
  /** Added to each server's command line, such as `maxmemory`. */
  readonly settings?: Readonly<Record<string, string>>;
}

const IMAGE = "redis:7-alpine";
const MASTER = "tidegate";
const SLOTS = 16_384;

let shared: Promise<{ readonly url: string }> | undefined;

/**
 * The Redis that tests share: the one of `TIDEGATE_TEST_REDIS`, else one that is started once and
 * ends with this process. Keys and channels are to have prefixes of their own.
 */
export function useRedis(): Promise<{ readonly url: string }> {
  const running = process.env["TIDEGATE_TEST_REDIS"];
  shared ??= running ? Promise.resolve({ url: running }) : startShared();
  return shared;
}

async function startShared(): Promise<{ readonly url: string }> {
  if (!(await daemonAnswers())) return startRedis();
  const port = freePort();
  const command = ["redis-server", "--port", String(port), "--save", ""];
  const redis = new Redis([
    { control: new ComposeService("redis", { image: IMAGE, command, port }), port },
  ]);
  await redis.start();
  return redis;
}

/** A Redis of its own, gone at the end of the scope. */
export async function startRedis(options: RedisOptions = {}): Promise<Redis> {
  const { mode = "single", settings = {} } = options;
  const folder = serviceFolder(`redis-${mode}`);
  const program = await serverProgram(folder);
  const ports = freePorts(mode === "single" ? 1 : mode === "cluster" ? 3 : 5);
  const buses = mode === "cluster" ? freePorts(ports.length) : [];
  const nodes: RedisNode[] = [];
  for (const [index, port] of ports.entries()) {
    const home = join(folder, String(index));
    await mkdir(home);
    const isSentinel = mode === "sentinel" && index >= 2;
    const own = isSentinel
      ? await sentinelArgs(home, port, ports[0] ?? 0)
      : serverArgs(home, port, {
          ...settings,
          ...(mode === "cluster" ? clusterSettings(buses[index]) : {}),
          ...(mode === "sentinel" && index === 1 ? { replicaof: `127.0.0.1 ${ports[0]}` } : {}),
        });
    nodes.push({ control: new ServiceProcess({ args: [program, ...own], folder: home }), port });
  }
  const redis = new Redis(nodes, folder);
  try {
    for (const index of ports.keys()) await redis.start(index);
    if (mode === "cluster") await joinCluster(redis, buses);
    if (mode === "sentinel") await whenSentinelsAgree(redis);
    return redis;
  } catch (error) {
    await redis.stop();
    throw error;
  }
}

interface RedisNode {
  readonly control: Control;
  readonly port: number;
}

/** Nodes are counted from 0. */
export class Redis implements AsyncDisposable {
  /** Of node 0. */
  readonly url: string;
  /** `host:port` of each. */
  readonly nodes: readonly string[];
  readonly ports: readonly number[];
  readonly #nodes: readonly RedisNode[];
  readonly #folder: string | undefined;

  constructor(nodes: readonly RedisNode[], folder?: string) {
    this.#nodes = nodes;
    this.#folder = folder;
    this.ports = nodes.map(({ port }) => port);
    this.nodes = this.ports.map((port) => `127.0.0.1:${port}`);
    this.url = `redis://${this.nodes[0]}`;
  }

  /** Starts a node (again); resolves when it has its data and answers. */
  async start(node = 0): Promise<void> {
    const { control, port } = this.#at(node);
    await control.start();
    const probe = async () => (await ask(port, ["PING"])) === "PONG";
    await whenReady(`Redis node ${node}`, control, probe);
  }

  /** SIGKILL by default. */
  async kill(signal: NodeJS.Signals = "SIGKILL", node = 0): Promise<void> {
    await this.#at(node).control.kill(signal);
  }

  async pause(node = 0): Promise<void> {
    await this.#at(node).control.pause();
  }

  async resume(node = 0): Promise<void> {
    await this.#at(node).control.resume();
  }

  async stop(): Promise<void> {
    await Promise.all(this.#nodes.map(({ control }) => control.stop()));
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }

  /** Resolves when a command's answer on a node is as wanted. */
  async when(node: number, command: readonly string[], wanted: RegExp): Promise<void> {
    const { control, port } = this.#at(node);
    const probe = async () => wanted.test((await ask(port, command)) ?? "");
    await whenReady(`Redis node ${node} (${command.join(" ")})`, control, probe);
  }

  #at(node: number): RedisNode {
    const found = this.#nodes[node];
    if (found === undefined) throw new Error(`there is no node ${node}`);
    return found;
  }
}

/** The answer to one command that answers with text, or undefined while there is none. */
async function ask(port: number, command: readonly string[]): Promise<string | undefined> {
  const client = new RedisClient(`redis://127.0.0.1:${port}`, {
    autoReconnect: false,
    connectionTimeout: 1_000,
  });
  try {
    await client.connect();
    const [name = "", ...args] = command;
    const answer: unknown = await client.send(name, args);
    return typeof answer === "string" ? answer : undefined;
  } catch {
    return undefined;
  } finally {
    client.close();
  }
}

/**
 * Debian's redis-tools has the server as well, under the name of redis-check-rdb, which looks at the
 * name it is called by. Unlike redis-server it brings no service that is started with the machine.
 */
async function serverProgram(folder: string): Promise<string> {
  const onPath = Bun.which("redis-server");
  if (onPath !== null) return onPath;
  const tools = await ensureProgram({ command: "redis-check-rdb", package: "redis-tools" });
  const program = join(folder, "redis-server");
  symlinkSync(tools, program);
  return program;
}

function serverArgs(
  folder: string,
  port: number,
  settings: Readonly<Record<string, string>>,
): string[] {
  const all = { save: "", appendonly: "yes", ...settings };
  return [
    "--port",
    String(port),
    "--bind",
    "127.0.0.1",
    "--dir",
    folder,
    ...Object.entries(all).flatMap(([key, value]) => [
      `--${key}`,
      ...(value === "" ? [""] : value.split(" ")),
    ]),
  ];
}

function clusterSettings(bus = 0): Record<string, string> {
  return {
    "cluster-enabled": "yes",
    "cluster-port": String(bus),
    "cluster-node-timeout": "2000",
    "cluster-config-file": "nodes.conf",
  };
}

async function sentinelArgs(folder: string, port: number, master: number): Promise<string[]> {
  const config = join(folder, "sentinel.conf");
  await Bun.write(
    config,
    `port ${port}
bind 127.0.0.1
dir ${folder}
sentinel monitor ${MASTER} 127.0.0.1 ${master} 2
sentinel down-after-milliseconds ${MASTER} 1000
sentinel failover-timeout ${MASTER} 5000
`,
  );
  return [config, "--sentinel"];
}

/** Gives each node its share of the slots, introduces them, and waits until all agree. */
async function joinCluster(redis: Redis, buses: readonly number[]): Promise<void> {
  const { ports } = redis;
  const share = Math.ceil(SLOTS / ports.length);
  for (const [index, port] of ports.entries()) {
    const last = Math.min(SLOTS, (index + 1) * share) - 1;
    await ask(port, ["CLUSTER", "ADDSLOTSRANGE", String(index * share), String(last)]);
    const meet = ["CLUSTER", "MEET", "127.0.0.1", String(ports[0]), String(buses[0])];
    if (index > 0) await ask(port, meet);
  }
  for (const index of ports.keys()) {
    const agreed = new RegExp(`cluster_state:ok[^]*cluster_known_nodes:${ports.length}`);
    await redis.when(index, ["CLUSTER", "INFO"], agreed);
  }
}

/** Waits until every sentinel knows the replica and the other sentinels. */
async function whenSentinelsAgree(redis: Redis): Promise<void> {
  for (let node = 2; node < redis.ports.length; node += 1) {
    await redis.when(node, ["INFO", "sentinel"], /status=ok,address=[\d.:]+,slaves=1,sentinels=3/);
  }
}
