import { migrate } from "../src/adapters/postgres/migrate.ts";
import { PostgresTenantAdmin } from "../src/adapters/postgres/tenant-admin.ts";
import { createPrometheusTelemetry } from "../src/adapters/prometheus/telemetry.ts";
import { ConfigError } from "../src/config-read.ts";
import { AppError } from "../src/errors.ts";
import { openDatabase, openLog, systemBasics } from "./cluster/open.ts";
import { CATALOG_POLL_MS } from "./cluster/timing.ts";
import { explainConfig, UsageError } from "./program.ts";
import { readClusterSettings } from "./settings.ts";
import { TENANTS_HELP, tenantCommand } from "./tenants/command.ts";
import { TenantRemoval } from "./tenants/removal.ts";
import { saveTenant } from "./transfer/save.ts";

/** Two looks at the catalog, in case the notification of a change is lost. */
const HEARD_MS = 2 * CATALOG_POLL_MS;

/** `bun run tenants`: the catalog of a cluster's tenants. */
async function main(): Promise<number> {
  const args = process.argv.slice(2);
  if (args.length === 0 || args.includes("--help") || args.includes("-h")) {
    process.stdout.write(TENANTS_HELP);
    return args.length === 0 ? 2 : 0;
  }
  // Read first: a wrong command line needs no services to be told.
  const run = tenantCommand(args);
  const config = await readClusterSettings(process.env, "tool");
  const { clock, random } = systemBasics();
  const write = (line: string): void => void process.stderr.write(line);
  const { limits } = config;
  const telemetry = createPrometheusTelemetry({ clock, limits, level: "error", write });
  const database = openDatabase(config, "tidegate/tenants", 2);
  const log = openLog(config, { clock, random, telemetry });
  try {
    await migrate(database);
    const { retentionMs, retentionBytes } = config;
    const admin = new PostgresTenantAdmin({ database, log, retentionMs, retentionBytes });
    const { cluster } = config;
    const basics = { clock, random, telemetry };
    const removal = new TenantRemoval({
      admin,
      database,
      clock,
      cluster,
      heardMs: HEARD_MS,
      save: (tenant, path) => saveTenant(config, basics, tenant.name, path, write),
    });
    const out = await run({ admin, removal });
    process.stdout.write(out);
    return 0;
  } finally {
    await log.close();
    await database.close();
    telemetry.close();
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return explainConfig(error);
  if (error instanceof UsageError) return `${error.message}\nSee bun run tenants --help.`;
  if (!(error instanceof AppError)) return `tenants: ${String(error)}`;
  const look = error.retriable ? ". Run bun run verify to find out why" : "";
  const cause = error.code === "internal" && error.cause instanceof Error ? error.cause : error;
  return `tenants: ${cause.message}${look}`;
}

try {
  process.exit(await main());
} catch (error) {
  process.stderr.write(`${explain(error)}\n`);
  process.exit(error instanceof UsageError ? 2 : 1);
}
