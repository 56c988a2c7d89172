import type { z } from "zod";
import { LIMIT_TABLE } from "./limits.ts";
import {
  flag,
  oneOf,
  path,
  printable,
  secret,
  setting,
  text,
  wholeSetting,
  type SettingTable,
  type ValuesOf,
} from "./setting.ts";

const NAME = /^[a-z0-9](?:[a-z0-9-]{0,38}[a-z0-9])?$/;

/** A URL with its password is never shown, not even in a fault. */
const url = (kind: string, doc: string, pattern: RegExp, error: string) =>
  secret(setting(kind, undefined, doc, text(error, pattern) as z.ZodType<string, string>));

/** What `bun run gateway`, `bun run consumers` and the tools read besides Kafka's settings. */
export const CLUSTER_SETTINGS = {
  REDIS_URL: url(
    "redis:// or rediss:// URL; redis+sentinel:// and redis+cluster:// (or rediss+…) take several hosts",
    "Where Redis 7 or later is. With commas between the hosts of a cluster or the sentinels, whose path is the master's name: redis+sentinel://s1:26379,s2:26379/main. Needed in a cluster",
    /^rediss?(?:\+(?:cluster|sentinel))?:\/\/[^\s/]+/,
    "is not a Redis URL",
  ),
  REDIS_TLS_CA: path(
    "Certificates (PEM) that Redis's certificate is checked with; the system's when absent",
  ),
  DATABASE_URL: url(
    "postgres:// or postgresql:// URL",
    "Where Postgres 14 or later is. Needed in a cluster",
    /^postgres(?:ql)?:\/\/[^\s]+/,
    "is not a Postgres URL",
  ),
  DATABASE_TLS_CA: path(
    "Certificates (PEM) that Postgres's certificate and its host's name are checked with, as ?sslmode=verify-full in DATABASE_URL does; the system's when absent",
  ),
  DATABASE_POOL_MAX: wholeSetting(
    1,
    1_000,
    "10",
    `Connections to Postgres that one process opens at most. A fifth of them publishes the outbox, a partition each: ${5 * LIMIT_TABLE.outboxPartitionsMax.value} for as many at once as there may be (outboxPartitionsMax)`,
  ),
  DATABASE_STATEMENT_TIMEOUT: wholeSetting(
    100,
    600_000,
    "10000",
    "Time for one statement of Postgres, in ms",
  ),
  TIDEGATE_CLUSTER: setting(
    "a-z, 0-9 and -, at most 40 characters",
    "tidegate",
    "Name of this cluster: consumer groups, Redis keys and the tables' schema have it, so that several can share Redis and Postgres. Topics do not: clusters that share Kafka need different tenants",
    text("is not a name", NAME),
  ),
  TIDEGATE_WORKER: printable(
    "Name of this process among its kind, another one for each and the same after a restart: a worker that comes back within the session's time takes its partitions again without a rebalance. When absent, each start has a name of its own",
  ),
  TIDEGATE_CONSUMERS_PORT: wholeSetting(
    0,
    65_535,
    "8081",
    "Port of a consumers process for /livez, /readyz and /metrics; 0 takes a free one",
  ),
  TIDEGATE_HEALTH_PORT: wholeSetting(
    0,
    65_535,
    undefined,
    "Port of a gateway for /livez, /readyz and /metrics of this process alone, as those on PORT are of any gateway that shares it; 0 takes a free one, and none is opened when absent",
  ),
  EVENT_STORE: oneOf(
    ["hybrid", "kafka", "database"],
    "hybrid",
    "Where a send is kept when it is acked. hybrid: in Kafka, or in Postgres (the outbox) while Kafka is away; kafka: in Kafka alone, and sends are refused while it is away; database: always in Postgres first, from where the outbox pool publishes",
  ),
  OUTBOX_BATCH_SIZE: wholeSetting(
    1,
    10_000,
    "100",
    "Rows of the outbox that are published at once",
  ),
  HEALTH_INCLUDE_KAFKA: flag(
    "false",
    "Whether /readyz needs Kafka. Without, a gateway stays ready while Kafka is away, since it still takes sends into the outbox and serves history",
  ),
} as const satisfies SettingTable;

export type ClusterValues = ValuesOf<typeof CLUSTER_SETTINGS>;
