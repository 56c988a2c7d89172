/**
 * Holds services for another program: `bun test/support/services/host.ts [--shape secure|cluster]
 * [--heap 1g] [--socket]`. Prints one line of JSON, {@link HeldServices}, when all of them answer.
 * Ends when its input closes; with `--socket` when somebody says `down` at `<folder>/control`.
 */
import { chmodSync } from "node:fs";
import { join } from "node:path";
import { parseArgs } from "node:util";
import type { HeldServices } from "../../../scripts/services/hold.ts";
import { serviceRoot } from "./guard.ts";
import type { KafkaShape } from "./kafka-config.ts";
import { FAST_FLAGS } from "./kafka-tool.ts";
import { startKafka, useKafka } from "./kafka.ts";
import { usePostgres } from "./postgres.ts";
import { useRedis } from "./redis.ts";

const SHAPES: readonly KafkaShape[] = ["plain", "secure", "cluster"];

const { values } = parseArgs({
  args: process.argv.slice(2),
  options: {
    shape: { type: "string", default: "plain" },
    heap: { type: "string" },
    socket: { type: "boolean", default: false },
  },
});
const folder = serviceRoot();
const end = (): never => process.exit(0);
for (const signal of ["SIGTERM", "SIGINT"] as const) process.on(signal, end);
// Before anything is started: who asked may be gone before the services are there.
if (!values.socket) process.stdin.on("end", end).resume();

try {
  const held: HeldServices = { folder, settings: await start() };
  if (values.socket) listen(join(folder, "control"));
  process.stdout.write(`${JSON.stringify(held)}\n`);
} catch (error) {
  const causes: string[] = [];
  for (let cause = error; cause instanceof Error; cause = cause.cause) causes.push(cause.message);
  process.stderr.write(`services: ${causes.join("\n  ")}\n`);
  process.exit(1);
}

async function start(): Promise<Record<string, string>> {
  const [kafka, redis, postgres] = await Promise.all([kafkaSettings(), useRedis(), usePostgres()]);
  return { ...kafka, REDIS_URL: redis.url, DATABASE_URL: postgres.url };
}

async function kafkaSettings(): Promise<Record<string, string>> {
  const shape = SHAPES.find((known) => known === values.shape);
  if (shape === undefined) throw new Error(`--shape is one of ${SHAPES.join(", ")}`);
  if (shape === "plain" && values.heap === undefined) {
    return { KAFKA_BROKERS: (await useKafka()).brokers.join(",") };
  }
  const { heap } = values;
  const kafka = await startKafka({
    shape,
    flags: heap === undefined ? FAST_FLAGS : [],
    ...(heap === undefined ? {} : { heap }),
  });
  const settings: Record<string, string> = { KAFKA_BROKERS: kafka.brokers.join(",") };
  if (shape === "cluster") settings["KAFKA_REPLICATION"] = "3";
  if (kafka.security !== undefined) {
    settings["KAFKA_TLS"] = "true";
    settings["KAFKA_TLS_CA"] = kafka.security.caFile;
    settings["KAFKA_SASL_MECHANISM"] = "SCRAM-SHA-512";
    settings["KAFKA_SASL_USERNAME"] = "admin";
    settings["KAFKA_SASL_PASSWORD"] = kafka.security.users.admin;
  }
  return settings;
}

/** Whoever can reach the socket may end the services: nobody but this user. */
function listen(path: string): void {
  Bun.listen({
    unix: path,
    socket: {
      data(_socket, bytes) {
        if (bytes.toString().trim() === "down") end();
      },
    },
  });
  chmodSync(path, 0o600);
}
