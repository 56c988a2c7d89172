/** How the services of a measured cluster are set, where that differs from what they come with. */

/** Of each broker's JVM. */
export const BROKER_HEAP = "768m";

/**
 * For brokers that share few cores with everything else. The second compiler (C2) takes a third of a
 * core for a minute and more after a start, and again whenever the load becomes another one, and all that
 * time live delivery waits for a core: `docs/cluster.md` has figures. Serial: what brokers keep is little,
 * and G1 takes their large buffers for a reason to mark everything every two seconds.
 */
export const BROKER_FLAGS: readonly string[] = [
  "-XX:TieredStopAtLevel=1",
  "-XX:+UseSerialGC",
  "-Xmn384m",
];

/** As `compose.yml` has it: nothing in it has to outlive it. */
export const REDIS_SETTINGS: Readonly<Record<string, string>> = { appendonly: "no" };

/** All of the above, for the page that shows what was measured. */
export function servicesText(): string {
  const redis = Object.entries(REDIS_SETTINGS).map(([key, value]) => `${key} ${value}`);
  return [
    `Kafka with a heap of ${BROKER_HEAP} and ${BROKER_FLAGS.join(" ")}`,
    "Postgres as it comes",
    `Redis with save off, ${redis.join(", ")}`,
  ].join("; ");
}
