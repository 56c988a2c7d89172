import type { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import type { PostgresMessageStore } from "../../src/adapters/postgres/message-store.ts";
import { migrate } from "../../src/adapters/postgres/migrate.ts";
import { createPostgresOutbox } from "../../src/adapters/postgres/outbox.ts";
import { watchConnections } from "../../src/adapters/postgres/store-telemetry.ts";
import {
  createPostgresTenantCatalog,
  type PostgresTenantCatalog,
} from "../../src/adapters/postgres/tenant-catalog.ts";
import {
  createPrometheusTelemetry,
  type PrometheusTelemetry,
} from "../../src/adapters/prometheus/telemetry.ts";
import { createRedisBackplane, type RedisBackplane } from "../../src/adapters/redis/backplane.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import type { ClusterConfig } from "../../src/config-cluster.ts";
import { AppError, asAppError } from "../../src/errors.ts";
import { Health } from "../../src/health.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { LogCluster, LogEnds } from "../../src/ports/log-cluster.ts";
import type { Outbox } from "../../src/ports/outbox.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Tracing } from "../../src/ports/tracer.ts";
import type { StopStep } from "../stop.ts";
import { openTracing } from "../tracing.ts";
import { describeTopic } from "./describe-topic.ts";
import { withGroupPrefix } from "./group-prefix.ts";
import {
  asSetting,
  openDatabase,
  openKafka,
  openStore,
  redisAuthorities,
  splitPool,
  workerName,
  type PoolShares,
} from "./open.ts";
import { startProbe, type Probe } from "./probe.ts";
import { CATALOG_POLL_MS } from "./timing.ts";
import { NOT_TRIED_YET, untilDone } from "./until-done.ts";

/**
 * A topic that nobody has: asking for it is the cheapest word with a broker. Who may not see it has
 * reached the broker and is known there, so that no right is needed for it.
 */
const NO_TOPIC = "tidegate.nothing";

/** What every process of a cluster has, whatever it does. */
export interface ClusterProcess {
  readonly config: ClusterConfig;
  readonly name: string;
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: PrometheusTelemetry;
  /** Undefined: nothing is traced. */
  readonly tracing: Tracing | undefined;
  readonly health: Health;
  readonly log: EventLog;
  readonly logCluster: LogCluster;
  /** Undefined where the log's client tells them one by one only. */
  readonly logEnds: LogEnds | undefined;
  readonly database: PostgresDatabase;
  readonly backplane: RedisBackplane;
  readonly catalog: PostgresTenantCatalog;
  readonly outbox: Outbox;
  readonly pool: PoolShares;
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Tries a part until it works. @returns undefined when the process stopped first */
  readonly until: <T>(part: string, work: () => Promise<T>) => Promise<T | undefined>;
  /** The store, once Postgres has all tables and the tenants are known. */
  readonly openStore: () => Promise<PostgresMessageStore | undefined>;
  /** No further try of anything. */
  readonly stopTrying: () => void;
  /** How all of it is ended, after what stands on it. */
  readonly ends: readonly StopStep[];
}

export interface ProcessOptions {
  /** Gets a check for each service. */
  readonly health?: Health;
  /** Whether it publishes the outbox, for which some of its connections are set aside. */
  readonly publishes?: boolean;
}

/**
 * Opens what a process stands on. Nothing is waited for but, when it is asked for, Kafka.
 * @throws ConfigError for what settings name and cannot be read; log_unavailable when Kafka was to be
 *   validated and cannot be used
 */
export async function openProcess(
  config: ClusterConfig,
  write: (line: string) => void,
  { health = new Health(), publishes = false }: ProcessOptions = {},
): Promise<ClusterProcess> {
  const { limits, cluster } = config;
  const clock = createSystemClock();
  const random = createSystemRandom();
  const telemetry = createPrometheusTelemetry({ clock, limits, level: config.logLevel, write });
  const name = workerName(config, random);
  const tracing = await openTracing(config, name, { clock, telemetry });
  const stopped = Promise.withResolvers<void>();
  const probes: Probe[] = [];
  const ca = redisAuthorities(config);
  const kafka = openKafka(config.kafka, limits, { clock, random, telemetry });
  const log = withGroupPrefix(kafka, cluster);
  if (config.kafka.validateOnStartup) await validate(log);
  const pool = splitPool(config.database.poolMax, publishes);
  const database = openDatabase(config, `tidegate/${name}`, pool.shared);
  const publishing = publishes ? openDatabase(config, `tidegate/${name}`, pool.publish) : undefined;
  watchConnections(telemetry, "shared", database);
  if (publishing !== undefined) watchConnections(telemetry, "publish", publishing);
  const { url } = config.redis;
  const backplane = asSetting("REDIS_URL", () =>
    createRedisBackplane({ url, ca, prefix: cluster, clock, random, limits, telemetry }),
  );
  const catalog = createPostgresTenantCatalog({
    database,
    clock,
    telemetry,
    pollMs: CATALOG_POLL_MS,
  });
  health.add("redis", () => backplane.problem()?.message);
  // From the start: who asks before it is tried must not find everything there.
  health.add("postgres", () => NOT_TRIED_YET);
  const watch = (part: string, look: () => Promise<unknown>) => {
    const probe = startProbe(clock, look);
    probes.push(probe);
    health.add(part, probe.fault);
  };
  if (config.healthIncludesKafka) watch("kafka", () => describeTopic(log, NO_TOPIC));
  const until = <T>(part: string, work: () => Promise<T>) =>
    untilDone({
      name: part,
      work,
      clock,
      random,
      telemetry,
      health,
      stopped: stopped.promise,
    });
  let store: PostgresMessageStore | undefined;
  return {
    config,
    name,
    clock,
    random,
    telemetry,
    tracing,
    health,
    log,
    logCluster: kafka.cluster,
    logEnds: "ends" in kafka.cluster ? kafka.cluster : undefined,
    database,
    backplane,
    catalog,
    pool,
    outbox: createPostgresOutbox({ database, limits, ...(publishing && { publishing }) }),
    metrics: async () => ({ contentType: telemetry.contentType, text: await telemetry.scrape() }),
    until,
    async openStore() {
      store = await until("postgres", async () => {
        await migrate(database);
        await catalog.refresh();
        return openStore(config, `tidegate/${name}`, pool, telemetry);
      });
      if (store !== undefined)
        watch("postgres", () =>
          database.use(async (session) => {
            await session`SELECT 1`;
          }),
        );
      return store;
    },
    stopTrying: () => stopped.resolve(),
    ends: [
      ["probes", () => probes.map((probe) => probe.stop())],
      ["the tenants' catalog", () => catalog.close()],
      ["the backplane", () => backplane.close()],
      ["the store", () => store?.close()],
      ["the log", () => log.close()],
      ["the outbox", () => publishing?.close()],
      ["the database", () => database.close()],
      ["traces", () => tracing?.tracer.close()],
      ["telemetry", () => telemetry.close()],
    ],
  };
}

/** @throws the log's error, with what to do about it */
async function validate(log: EventLog): Promise<void> {
  try {
    await describeTopic(log, NO_TOPIC);
  } catch (cause) {
    const error = asAppError(cause);
    await log.close();
    throw new AppError(error.code, `Kafka cannot be used: ${error.message}`, { cause });
  }
}
