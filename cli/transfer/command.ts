import { parseArgs } from "node:util";
import { AppError } from "../../src/errors.ts";
import { isPlan, PLANS, type PlanName } from "../../src/plans.ts";
import { UsageError } from "../program.ts";
import { ExportFile } from "./export-file.ts";
import { exportTenant } from "./exporter.ts";
import { checkFile } from "./import-file.ts";
import { importTenant } from "./importer.ts";
import type { Progress } from "./progress.ts";
import type { TransferSide } from "./side.ts";

export const TRANSFER_HELP = `bun run tidegate export|import — move tenants between standalone and a cluster

  export <file> --from standalone|cluster [--tenant <name>] …
                    writes tenants, all of them when none is named: conversations, messages
                    with their seqs, ids and epochs
  import <file> --to standalone|cluster [--tenant <name>] …
                    brings them; each is served when all of it is there, and not before
      --plan ${Object.keys(PLANS).join("|")}
                    of a cluster; otherwise the plan that the tenant had, or standard
      --partitions N
                    of its topic in a cluster, in place of the plan's

standalone   the folder of TIDEGATE_DATA, whose program has to be stopped
cluster      KAFKA_BROKERS, DATABASE_URL and REDIS_URL; it may run

Examples
  TIDEGATE_DATA=./data bun run tidegate export all.ndjson --from standalone
  bun run tidegate import all.ndjson --to cluster --tenant acme --plan small

An export has what was acked when it began. To leave for good, first suspend the tenant
(bun run tenants suspend <name>) or stop the standalone program, so that nothing comes after.
Clients go on where they are: their cursors and the keys of their messages stay valid.
Settings come from the environment; docs/moving.md tells all of it step by step.
`;

type Where = TransferSide["name"];

type TransferRun = (
  side: TransferSide,
  progress: Progress,
  say: (line: string) => void,
) => Promise<void>;

/** A command line that was understood. */
export interface TransferCommand {
  readonly where: Where;
  /**
   * Looks at the file, before any side is opened: an import that fails for its file leaves no trace.
   * @throws what reading it throws; invalid_command when it is damaged; not_found
   */
  readonly prepare: () => Promise<TransferRun>;
}

const OPTIONS = {
  from: { type: "string" },
  to: { type: "string" },
  tenant: { type: "string", multiple: true },
  plan: { type: "string" },
  partitions: { type: "string" },
} as const;

type Options = ReturnType<typeof parse>["values"];

const PARTITIONS_MAX = 1_024;

/** @throws UsageError */
export function transferCommand(
  verb: "export" | "import",
  args: readonly string[],
): TransferCommand {
  const { values, positionals } = parse(args);
  const [path, ...rest] = positionals;
  if (path === undefined || rest.length > 0) throw new UsageError(`${verb} takes one file`);
  const isExport = verb === "export";
  const [wanted, other] = isExport ? (["from", "to"] as const) : (["to", "from"] as const);
  const where = values[wanted];
  if (values[other] !== undefined) throw new UsageError(`${verb} does not take --${other}`);
  if (where !== "standalone" && where !== "cluster")
    throw new UsageError(`${verb} needs --${wanted} standalone or --${wanted} cluster`);
  const names = values.tenant ?? [];
  const isPlaced = values.plan !== undefined || values.partitions !== undefined;
  if (isPlaced && (isExport || where === "standalone"))
    throw new UsageError("--plan and --partitions are for an import to a cluster");
  if (isExport) return { where, prepare: () => Promise.resolve(exportRun(path, names)) };
  const plan = planOf(values);
  const partitions = partitionsOf(values);
  return { where, prepare: () => importRun(path, names, plan, partitions) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function planOf({ plan }: Options): PlanName | undefined {
  if (plan === undefined || isPlan(plan)) return plan;
  throw new UsageError(`there is no plan ${plan}: the plans are ${Object.keys(PLANS).join(", ")}`);
}

function partitionsOf({ partitions }: Options): number | undefined {
  if (partitions === undefined) return undefined;
  const count = Number(partitions);
  if (!/^[1-9][0-9]{0,3}$/.test(partitions) || count > PARTITIONS_MAX)
    throw new UsageError(`--partitions is a whole number from 1 to ${PARTITIONS_MAX}`);
  return count;
}

/** @param names of the tenants; none: all */
export function exportRun(path: string, names: readonly string[]): TransferRun {
  return async (side, progress, say) => {
    const all = await side.tenants();
    const known = new Map(all.map((tenant) => [tenant.name, tenant]));
    const tenants = names.length === 0 ? all : [...new Set(names)].map((name) => known.get(name));
    const chosen = tenants.filter((tenant) => tenant !== undefined);
    if (chosen.length < tenants.length)
      throw new AppError(
        "not_found",
        `there is no tenant ${names.filter((one) => !known.has(one)).join(", ")}`,
      );
    if (chosen.length === 0) throw new AppError("not_found", "there are no tenants");
    await using file = await ExportFile.create(path);
    await file.write({
      kind: "header",
      at: new Date().toISOString(),
      from: side.name,
      tenants: chosen.map(({ name }) => name),
    });
    for (const tenant of chosen) {
      await exportTenant(side, tenant, file, progress);
      if (tenant.isLive)
        say(`${tenant.name} is served meanwhile: what comes from now on is not in the file\n`);
    }
    await file.finish();
    say(
      `${path} has ${chosen.length} ${chosen.length === 1 ? "tenant" : "tenants"}, ${file.bytes} bytes\n`,
    );
  };
}

async function importRun(
  path: string,
  names: readonly string[],
  plan: PlanName | undefined,
  partitions: number | undefined,
): Promise<TransferRun> {
  const contents = await checkFile(path);
  const all = [...contents.tenants.keys()];
  const absent = names.filter((name) => !contents.tenants.has(name));
  if (absent.length > 0)
    throw new AppError(
      "not_found",
      `${path} has no ${absent.join(", ")}; it has ${all.join(", ")}`,
    );
  const chosen = names.length === 0 ? all : [...new Set(names)];
  return async (side, progress, say) => {
    for (const tenant of chosen)
      await importTenant(side, contents, { path, tenant, plan, partitions }, progress);
    say(`${chosen.join(", ")}: there, and served\n`);
  };
}
