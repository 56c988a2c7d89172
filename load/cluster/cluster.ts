import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { startKafka } from "../../test/support/services/kafka.ts";
import { startPostgres } from "../../test/support/services/postgres.ts";
import { startProxy } from "../../test/support/services/proxy.ts";
import { startRedis } from "../../test/support/services/redis.ts";
import type { Address } from "../native/socket.ts";
import { ROOMY } from "../roomy.ts";
import { ServerProcess } from "../server.ts";
import { RunKey, TENANT } from "../token.ts";
import { BROKER_FLAGS, BROKER_HEAP, POSTGRES_SETTINGS, REDIS_SETTINGS } from "./services.ts";

export type Proxy = Awaited<ReturnType<typeof startProxy>>;
export type Kafka = Awaited<ReturnType<typeof startKafka>>;
export type Postgres = Awaited<ReturnType<typeof startPostgres>>;
export type Redis = Awaited<ReturnType<typeof startRedis>>;

export interface ClusterOptions {
  readonly gateways: number;
  readonly consumers: number;
  readonly brokers: 1 | 3;
  /** Partitions of the tenant's topic. */
  readonly partitions: number;
  /** Whether everything talks through fault proxies. */
  readonly proxied?: boolean;
  /** Of gateways and consumers. */
  readonly settings?: Readonly<Record<string, string>>;
  readonly log: (line: string) => void;
}

const ROOT = dirname(dirname(import.meta.dir));

/**
 * Of three brokers: what makes any one of them missed within four seconds, also the one that is the
 * controller (`docs/cluster.md`).
 */
const BROKER_SETTINGS: Readonly<Record<string, string>> = {
  "broker.session.timeout.ms": "1500",
  "broker.heartbeat.interval.ms": "250",
  "controller.quorum.fetch.timeout.ms": "1000",
  "controller.quorum.election.timeout.ms": "300",
  "controller.quorum.election.backoff.max.ms": "100",
};

/** A whole cluster on this machine: services, gateways and consumers, each a process of its own. */
export class Cluster implements AsyncDisposable {
  readonly key = new RunKey();
  readonly kafka: Kafka;
  readonly postgres: Postgres;
  readonly redis: Redis;
  readonly postgresProxy: Proxy | undefined;
  readonly redisProxy: Proxy | undefined;
  /** Between the clients and each gateway, when everything is proxied. */
  readonly gatewayProxies: Proxy[] = [];
  readonly gateways: (ServerProcess | undefined)[] = [];
  readonly consumers: (ServerProcess | undefined)[] = [];
  readonly #options: ClusterOptions;
  #extra: Readonly<Record<string, string>> = {};
  readonly #folder = mkdtempSync(join(tmpdir(), "tidegate-cluster-"));

  private constructor(
    options: ClusterOptions,
    parts: {
      kafka: Kafka;
      postgres: Postgres;
      redis: Redis;
      postgresProxy: Proxy | undefined;
      redisProxy: Proxy | undefined;
    },
  ) {
    this.#options = options;
    this.kafka = parts.kafka;
    this.postgres = parts.postgres;
    this.redis = parts.redis;
    this.postgresProxy = parts.postgresProxy;
    this.redisProxy = parts.redisProxy;
  }

  static async start(options: ClusterOptions): Promise<Cluster> {
    const { brokers, proxied = false, log } = options;
    log("starting Kafka, Postgres and Redis …");
    const [kafka, postgres, redis] = await Promise.all([
      startKafka({
        shape: brokers === 3 ? "cluster" : "plain",
        proxied,
        heap: BROKER_HEAP,
        flags: BROKER_FLAGS,
        settings: brokers === 3 ? BROKER_SETTINGS : {},
      }),
      startPostgres({ settings: POSTGRES_SETTINGS }),
      startRedis({ mode: "single", settings: REDIS_SETTINGS }),
    ]);
    const through = async (url: string): Promise<Proxy | undefined> => {
      if (!proxied) return undefined;
      const { hostname, port } = new URL(url);
      return startProxy({ host: hostname, port: Number(port) });
    };
    const cluster = new Cluster(options, {
      kafka,
      postgres,
      redis,
      postgresProxy: await through(postgres.url),
      redisProxy: await through(redis.url),
    });
    try {
      await cluster.#addTenant();
      log("starting gateways and consumers …");
      for (let i = 0; i < options.consumers; i++) await cluster.startConsumers(i);
      for (let i = 0; i < options.gateways; i++) await cluster.startGateway(i);
      return cluster;
    } catch (error) {
      await cluster[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Where a client may connect: any gateway that is up, or undefined. */
  address(pick: (count: number) => number): Address | undefined {
    const up = this.addresses;
    return up.length === 0 ? undefined : up[pick(up.length)];
  }

  /** Of all gateways that are up. */
  get addresses(): Address[] {
    const up: Address[] = [];
    this.gateways.forEach((gateway, i) => {
      if (gateway === undefined) return;
      const proxy = this.gatewayProxies[i];
      up.push(proxy === undefined ? gateway.address : { hostname: proxy.host, port: proxy.port });
    });
    return up;
  }

  async startGateway(index: number): Promise<void> {
    const gateway = await this.#launch("gateway/main.ts", [], {
      TIDEGATE_WORKER: `gateway-${index}`,
    });
    this.gateways[index] = gateway;
    if (this.#options.proxied !== true) return;
    await this.gatewayProxies[index]?.[Symbol.asyncDispose]();
    const { hostname, port } = gateway.address;
    this.gatewayProxies[index] = await startProxy({ host: hostname, port });
  }

  async startConsumers(index: number): Promise<void> {
    this.consumers[index] = await this.#launch("consumers/main.ts", [], {
      TIDEGATE_WORKER: `consumers-${index}`,
      TIDEGATE_CONSUMERS_PORT: "0",
    });
  }

  /** Ends all gateways and consumers in good order, and starts as many with these settings besides. */
  async restart(settings: Readonly<Record<string, string>>): Promise<void> {
    this.#extra = settings;
    const stop = async (program: ServerProcess | undefined) => program?.stop();
    await Promise.all(this.gateways.map(stop));
    await Promise.all(this.consumers.map(stop));
    for (const i of this.consumers.keys()) await this.startConsumers(i);
    for (const i of this.gateways.keys()) await this.startGateway(i);
  }

  /** Ends a process as a crash does; the slot is empty until it is started again. */
  async kill(kind: "gateways" | "consumers", index: number): Promise<void> {
    const slot = this[kind][index];
    this[kind][index] = undefined;
    await slot?.kill();
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const programs = [...this.gateways, ...this.consumers];
    const proxies = [this.postgresProxy, this.redisProxy, ...this.gatewayProxies];
    // Programs first: they would go on trying to reach what is gone.
    for (const group of [programs, proxies, [this.kafka, this.postgres, this.redis]])
      await Promise.all(group.map(async (one) => one?.[Symbol.asyncDispose]()));
    rmSync(this.#folder, { recursive: true, force: true });
  }

  /** Settings with which a program or tool finds everything. */
  get settings(): Record<string, string> {
    const url = (text: string, proxy: Proxy | undefined): string => {
      if (proxy === undefined) return text;
      const changed = new URL(text);
      changed.hostname = proxy.host;
      changed.port = String(proxy.port);
      return changed.href;
    };
    const proxied = this.#options.proxied === true;
    return {
      KAFKA_BROKERS: (proxied ? this.kafka.proxiedBrokers : this.kafka.brokers).join(","),
      DATABASE_URL: url(this.postgres.url, this.postgresProxy),
      REDIS_URL: url(this.redis.url, this.redisProxy),
      KAFKA_REPLICATION: String(this.#options.brokers),
      ...(this.#options.brokers === 3 ? { KAFKA_MIN_INSYNC_REPLICAS: "2" } : {}),
      ...this.#options.settings,
      ...this.#extra,
    };
  }

  #launch(
    program: string,
    args: readonly string[],
    settings: Record<string, string>,
  ): Promise<ServerProcess> {
    return ServerProcess.start({
      program,
      args,
      key: this.key,
      dataDir: this.#folder,
      settings: { ...ROOMY, ...this.settings, ...settings },
    });
  }

  async #addTenant(): Promise<void> {
    const command = ["cli/tenants.ts", "add", TENANT, "--partitions"];
    // Not in step with it: the proxies that it talks through are in this process.
    const child = Bun.spawn([process.execPath, ...command, String(this.#options.partitions)], {
      cwd: ROOT,
      env: { ...process.env, ...this.settings },
      stdout: "pipe",
      stderr: "pipe",
    });
    const output = [new Response(child.stdout).text(), new Response(child.stderr).text()];
    const texts = await Promise.all(output);
    if ((await child.exited) !== 0)
      throw new Error(`the tenant could not be added:\n${texts.join("")}`);
  }
}
