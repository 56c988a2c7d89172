import { ROOMY } from "../roomy.ts";

/** How the services of a measured cluster are set, where that differs from what they come with. */

/** Of each broker's JVM. */
export const BROKER_HEAP = "1g";

/**
 * For brokers that share few cores with everything else. The second compiler (C2) takes a third of a
 * core for a minute and more after a start, and again whenever the load becomes another one, and all that
 * time live delivery waits for a core: `docs/cluster.md` has figures. Serial: what brokers keep is little,
 * and G1 takes their large buffers for a reason to mark everything every two seconds. Most of the heap is for
 * what is new: the broker stops for 10 to 30 ms whenever that is full.
 */
export const BROKER_FLAGS: readonly string[] = [
  "-XX:TieredStopAtLevel=1",
  "-XX:+UseSerialGC",
  "-Xmn720m",
];

/**
 * For a table that grows by gigabytes an hour: Postgres comes with a checkpoint for each gigabyte of its
 * write-ahead log, that is every minute, and a vacuum as often, while live delivery waits for a core. What
 * makes a commit durable is as it comes.
 */
export const POSTGRES_SETTINGS: Readonly<Record<string, string>> = {
  shared_buffers: "1GB",
  wal_buffers: "64MB",
  max_wal_size: "8GB",
  checkpoint_timeout: "15min",
  autovacuum_vacuum_cost_limit: "100",
  autovacuum_naptime: "5min",
};

/** As `compose.yml` has it: nothing in it has to outlive it. */
export const REDIS_SETTINGS: Readonly<Record<string, string>> = { appendonly: "no" };

/** All of the above, for the page that shows what was measured. */
export function servicesText(): string {
  const told = (settings: Readonly<Record<string, string>>): string =>
    Object.entries(settings)
      .map(([key, value]) => `${key} ${value}`)
      .join(", ");
  return [
    `Kafka with a heap of ${BROKER_HEAP} and ${BROKER_FLAGS.join(" ")}`,
    `Postgres with ${told(POSTGRES_SETTINGS)}`,
    `Redis with save off, ${told(REDIS_SETTINGS)}`,
    `gateways, consumers and the generator with ${told(ROOMY)}`,
  ].join("; ");
}
