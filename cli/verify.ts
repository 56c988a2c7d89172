import { readTenants } from "../src/adapters/postgres/tenant-rows.ts";
import { createPrometheusTelemetry } from "../src/adapters/prometheus/telemetry.ts";
import type { ClusterConfig } from "../src/config-cluster.ts";
import { ConfigError } from "../src/config-read.ts";
import { limitsWith } from "../src/limits.ts";
import type { Placement } from "../src/tenants.ts";
import { withGroupPrefix } from "./cluster/group-prefix.ts";
import { loadKafkaSettings } from "./cluster/kafka-settings.ts";
import { openDatabase, openKafka, redisAuthorities, systemBasics } from "./cluster/open.ts";
import { explainConfig } from "./program.ts";
import { readClusterSettings, readKafkaSettings } from "./settings.ts";
import { Fault, runChecks, type Check, type CheckResult } from "./verify/check.ts";
import { kafkaChecks } from "./verify/kafka-checks.ts";
import { kafkaFaultOf } from "./verify/kafka-fault.ts";
import { postgresChecks, postgresFault } from "./verify/postgres-checks.ts";
import { redisChecks, redisFault } from "./verify/redis-checks.ts";
import { isWell, reportJson, reportText } from "./verify/report.ts";

const HELP = `bun run verify [--kafka] [--json] — checks a cluster's settings against its services

Kafka: names, ports, TLS, SASL, versions, advertised brokers, every tenant's topic, the rights on the
topics of dead letters, a record written, read and received by a consumer group (in the topic
internal.verify.probe, which is made and stays).
Redis: port, login, version, a word through pub/sub. Postgres: port, login, tables, a write undone.

  --kafka   Kafka alone (bun run verify:kafka)
  --json    for programs

Example
  KAFKA_BROKERS=broker1:9092 REDIS_URL=redis://redis \\
    DATABASE_URL=postgres://user:password@postgres/tidegate bun run verify

Ends with 0 when all is well, 1 when a check failed, 2 when the settings themselves are wrong.
Settings come from the environment; docs/reference/config.md lists them all.
`;

const KNOWN = new Set(["--kafka", "--json"]);

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  const wrong = args.find((arg) => !KNOWN.has(arg));
  if (wrong !== undefined) {
    process.stderr.write(`${wrong} is not understood\n\n${HELP}`);
    return 2;
  }
  const results = args.includes("--kafka")
    ? await verify(readKafkaSettings(process.env), undefined)
    : await verifyAll(await readClusterSettings(process.env, "tool"));
  process.stdout.write(args.includes("--json") ? reportJson(results) : reportText(results));
  return isWell(results) ? 0 : 1;
}

function verifyAll(config: ClusterConfig): Promise<readonly CheckResult[]> {
  return verify(config, config);
}

async function verify(
  { kafka, cluster }: Pick<ClusterConfig, "kafka" | "cluster">,
  config: ClusterConfig | undefined,
): Promise<readonly CheckResult[]> {
  const basics = systemBasics();
  const limits = config?.limits ?? limitsWith();
  const { clock, random } = basics;
  const telemetry = createPrometheusTelemetry({
    clock,
    limits,
    level: "error",
    write: () => undefined,
  });
  const settings = loadKafkaSettings(kafka);
  const ca = config && redisAuthorities(config);
  const log = withGroupPrefix(openKafka(kafka, limits, { clock, random, telemetry }), cluster);
  const database = config && openDatabase(config, "tidegate/verify", 1);
  const placements =
    database &&
    (async (): Promise<readonly Placement[]> => {
      const tenants = await database.use(readTenants);
      return tenants
        .filter(({ status }) => status === "active" || status === "suspended")
        .map(({ placement }) => placement);
    });
  // Postgres first: Kafka's topics are compared with the catalog in it.
  const checks: Check[] = [];
  if (config !== undefined && database !== undefined)
    checks.push(
      ...postgresChecks({ config, database }),
      ...redisChecks({ config, ca, clock, random, telemetry }),
    );
  checks.push(...kafkaChecks({ config: kafka, settings, log, clock, random, placements }));
  try {
    return await runChecks(checks, explain);
  } finally {
    await log.close();
    await database?.close();
    telemetry.close();
  }
}

const EXPLAIN: Readonly<Record<string, (error: unknown) => Fault>> = {
  kafka: kafkaFaultOf,
  redis: redisFault,
  postgres: postgresFault,
};

function explain(part: string, error: unknown): Fault {
  return EXPLAIN[part]?.(error) ?? new Fault(String(error), "the program's source");
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isSettings = error instanceof ConfigError;
  process.stderr.write(`${isSettings ? explainConfig(error) : `verify: ${String(error)}`}\n`);
  process.exit(isSettings ? 2 : 1);
}
