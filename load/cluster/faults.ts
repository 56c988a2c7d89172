import type { Cluster, Proxy } from "./cluster.ts";

/** Something that happens to a running cluster, and how it is mended. */
export interface Fault {
  readonly name: string;
  /** Time between the beginning and the end, in ms. */
  readonly lastsMs: number;
  /** Messages a second, where it is not the matrix's own. */
  readonly rate?: number;
  /** Senders drop their connections in one of so many ticks and come back over any gateway. */
  readonly hopEvery?: number;
  /** Only with so many brokers. */
  readonly brokers?: number;
  begin(cluster: Cluster): Promise<void>;
  end(cluster: Cluster): Promise<void>;
}

const AT_ONCE_MS = 1_000;
const STOPPED_MS = 30_000;
const SLOW_MS = 15_000;
const DELAY_MS = 200;
const AWAY_MS = 60_000;
const LOST_MS = 20_000;
const AWAY_RATE = 1_000;
/** Ten hops a second. */
const HOP_EVERY = 10;
const BROKERS = 3;

interface Part {
  readonly name: string;
  kill(cluster: Cluster): Promise<void>;
  start(cluster: Cluster): Promise<void>;
  pause(cluster: Cluster): Promise<void>;
  resume(cluster: Cluster): Promise<void>;
  /** What its traffic goes through. */
  proxies(cluster: Cluster): readonly (Proxy | undefined)[];
}

const program = (
  kind: "gateways" | "consumers",
  index: number,
): Omit<Part, "proxies" | "name"> => ({
  kill: (cluster) => cluster.kill(kind, index),
  start: (cluster) =>
    kind === "gateways" ? cluster.startGateway(index) : cluster.startConsumers(index),
  pause: async (cluster) => cluster[kind][index]?.signal("SIGSTOP"),
  resume: async (cluster) => cluster[kind][index]?.signal("SIGCONT"),
});

const gateway: Part = {
  name: "gateway",
  ...program("gateways", 0),
  proxies: (cluster) => [cluster.gatewayProxies[0]],
};

/** Slow and cut off from the store and the backplane at the same time. */
const consumers: Part = {
  name: "consumers",
  ...program("consumers", 0),
  proxies: (cluster) => [cluster.postgresProxy, cluster.redisProxy],
};

const broker: Part = {
  name: "broker",
  kill: async (cluster) => cluster.kafka.kill("SIGKILL", 0),
  start: async (cluster) => cluster.kafka.start(0),
  pause: async (cluster) => cluster.kafka.pause(0),
  resume: async (cluster) => cluster.kafka.resume(0),
  proxies: (cluster) => cluster.kafka.proxies,
};

const postgres: Part = {
  name: "postgres",
  kill: async (cluster) => cluster.postgres.kill("SIGKILL"),
  start: async (cluster) => cluster.postgres.start(),
  pause: async (cluster) => cluster.postgres.pause(),
  resume: async (cluster) => cluster.postgres.resume(),
  proxies: (cluster) => [cluster.postgresProxy],
};

const redis: Part = {
  name: "redis",
  kill: async (cluster) => cluster.redis.kill("SIGKILL"),
  start: async (cluster) => cluster.redis.start(),
  pause: async (cluster) => cluster.redis.pause(),
  resume: async (cluster) => cluster.redis.resume(),
  proxies: (cluster) => [cluster.redisProxy],
};

const each = async (
  part: Part,
  cluster: Cluster,
  act: (proxy: Proxy) => void | Promise<void>,
): Promise<void> => {
  await Promise.all(part.proxies(cluster).map(async (proxy) => proxy && act(proxy)));
};

const killed = (part: Part): Fault => ({
  name: `${part.name} killed`,
  lastsMs: AT_ONCE_MS,
  begin: (cluster) => part.kill(cluster),
  end: (cluster) => part.start(cluster),
});

const stopped = (part: Part): Fault => ({
  name: `${part.name} stopped 30 s`,
  lastsMs: STOPPED_MS,
  begin: (cluster) => part.pause(cluster),
  end: (cluster) => part.resume(cluster),
});

const slow = (part: Part): Fault => ({
  name: `${part.name} slow 200 ms`,
  lastsMs: SLOW_MS,
  begin: (cluster) => each(part, cluster, (proxy) => proxy.delay(DELAY_MS)),
  end: (cluster) => each(part, cluster, (proxy) => proxy.heal()),
});

const cut = (part: Part): Fault => ({
  name: `${part.name} cut off`,
  lastsMs: SLOW_MS,
  begin: (cluster) => each(part, cluster, (proxy) => proxy.cut()),
  end: (cluster) => each(part, cluster, (proxy) => proxy.heal()),
});

const both = (one: Fault, other: Fault): Fault => ({
  name: `${one.name} + ${other.name}`,
  lastsMs: Math.max(one.lastsMs, other.lastsMs),
  begin: async (cluster) => {
    await one.begin(cluster);
    await other.begin(cluster);
  },
  end: async (cluster) => {
    await one.end(cluster);
    await other.end(cluster);
  },
});

/** Long enough for every circuit to open and for the outbox to hold what a minute brings. */
const awayWhileClientsHop: Fault = {
  ...cut(broker),
  name: "broker away 60 s, clients hop",
  lastsMs: AWAY_MS,
  rate: AWAY_RATE,
  hopEvery: HOP_EVERY,
};

/** Two of three are in sync without it, which is all that an append asks for. */
const brokerLost = (index: number): Fault => ({
  name: `broker ${index + 1} of ${BROKERS} lost 20 s`,
  lastsMs: LOST_MS,
  brokers: BROKERS,
  begin: async (cluster) => cluster.kafka.kill("SIGKILL", index),
  end: async (cluster) => cluster.kafka.start(index),
});

/** Every part in every way, then two at once. */
export const FAULTS: readonly Fault[] = [
  ...[gateway, consumers, broker, postgres, redis].flatMap((part) => [
    killed(part),
    stopped(part),
    slow(part),
    cut(part),
  ]),
  both(killed(gateway), killed(consumers)),
  both(killed(broker), killed(redis)),
  both(cut(broker), killed(gateway)),
  both(killed(postgres), killed(consumers)),
  both(cut(redis), cut(postgres)),
  awayWhileClientsHop,
  ...Array.from({ length: BROKERS }, (_, index) => brokerLost(index)),
];
