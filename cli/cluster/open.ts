import { hostname } from "node:os";
import { createKafkaEventLog, type KafkaEventLog } from "../../src/adapters/kafka/event-log.ts";
import {
  createKafkajsEventLog,
  type KafkajsEventLog,
} from "../../src/adapters/kafkajs/event-log.ts";
import { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import {
  openPostgresMessageStore,
  type PostgresMessageStore,
} from "../../src/adapters/postgres/message-store.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import type { ClusterConfig, KafkaConfig } from "../../src/config-cluster.ts";
import { ConfigError } from "../../src/config-read.ts";
import type { Limits } from "../../src/limits.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import { withGroupPrefix } from "./group-prefix.ts";
import { loadKafkaSettings, readPem } from "./kafka-settings.ts";

/** Callers that may wait for a connection to Postgres, for each one that there may be. */
const WAITING_FOR_EACH = 50;
const WORKER_ID_CHARS = 8;

/** What every part of a process shares. */
export interface Basics {
  readonly clock: Clock;
  readonly random: Random;
  readonly telemetry: Telemetry;
}

export function systemBasics(): Omit<Basics, "telemetry"> {
  return { clock: createSystemClock(), random: createSystemRandom() };
}

/** Name of this process: as set, or one that no other has. */
export function workerName(config: ClusterConfig, random: Random): string {
  return config.worker ?? `${hostname()}-${random.uuidv7().slice(-WORKER_ID_CHARS)}`;
}

/** The log that the settings name; connects when it is first used. */
export function openLog(config: ClusterConfig, basics: Basics): EventLog {
  return withGroupPrefix(openKafka(config.kafka, config.limits, basics), config.cluster);
}

/** Kafka by the client that the settings name. */
export function openKafka(
  config: KafkaConfig,
  limits: Limits,
  { clock, telemetry }: Basics,
): KafkaEventLog | KafkajsEventLog {
  const settings = loadKafkaSettings(config);
  return config.client === "kafkajs"
    ? createKafkajsEventLog({ settings, clock, limits, telemetry })
    : createKafkaEventLog({ settings, clock, limits, telemetry });
}

/** Connections to Postgres of one process, by what they are for. */
export interface PoolShares {
  readonly write: number;
  readonly read: number;
  /** One for each partition of the outbox that is published; 0 where nothing is. */
  readonly publish: number;
  readonly shared: number;
}

/**
 * A process's connections, shared out: what commits, reads, publishes and does all else must not
 * wait for each other. Each has one at least.
 */
export function splitPool(connectionsMax: number, publishes: boolean): PoolShares {
  const share = (part: number): number => Math.max(1, Math.floor(connectionsMax * part));
  const write = share(0.4);
  const read = share(publishes ? 0.2 : 0.4);
  const publish = publishes ? share(0.2) : 0;
  return { write, read, publish, shared: Math.max(1, connectionsMax - write - read - publish) };
}

/** What every connection to Postgres has. @throws ConfigError for a file that is not there */
function connectionOf({ cluster, database }: ClusterConfig) {
  const { url, statementTimeoutMs } = database;
  const ca = authorities("DATABASE_TLS_CA", database.ca);
  return {
    url,
    schema: cluster,
    connectTimeoutMs: statementTimeoutMs,
    statementTimeoutMs,
    ...(ca === undefined ? {} : { tls: { ca } }),
  };
}

/** Postgres; connects when it is first used. @throws ConfigError for a file that is not there */
export function openDatabase(
  config: ClusterConfig,
  applicationName: string,
  connectionsMax: number,
): PostgresDatabase {
  return new PostgresDatabase({
    ...connectionOf(config),
    applicationName,
    connectionsMax,
    waitingMax: connectionsMax * WAITING_FOR_EACH,
  });
}

/** The store; its tables have to be there. @throws store_unavailable */
export function openStore(
  config: ClusterConfig,
  applicationName: string,
  connections: { readonly write: number; readonly read: number },
  telemetry: Telemetry,
): Promise<PostgresMessageStore> {
  return openPostgresMessageStore({
    ...connectionOf(config),
    applicationName,
    cluster: config.cluster,
    writeConnectionsMax: connections.write,
    readConnectionsMax: connections.read,
    limits: config.limits,
    telemetry,
  });
}

/** PEM of the authorities that Redis's certificate is checked with. @throws ConfigError */
export function redisAuthorities(config: ClusterConfig): string | undefined {
  return authorities("REDIS_TLS_CA", config.redis.ca);
}

function authorities(name: string, path: string | undefined): string | undefined {
  if (path === undefined) return undefined;
  const text = readPem(path);
  if (text.ok) return text.value;
  throw new ConfigError([{ name, fault: text.fault }]);
}

/** Runs what reads a setting whose form only its adapter knows. @throws ConfigError */
export function asSetting<T>(name: string, read: () => T): T {
  try {
    return read();
  } catch (error) {
    if (error instanceof RangeError) throw new ConfigError([{ name, fault: error.message }]);
    throw error;
  }
}
