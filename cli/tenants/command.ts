import { parseArgs } from "node:util";
import {
  checkTenantName,
  type PostgresTenantAdmin,
} from "../../src/adapters/postgres/tenant-admin.ts";
import { DEFAULT_PLAN, isPlan, PLANS } from "../../src/plans.ts";
import type { Tenant, TenantLimits } from "../../src/tenants.ts";
import { UsageError } from "../program.ts";
import { textTable } from "../text-table.ts";
import type { TenantRemoval } from "./removal.ts";

const amount = (count: number): string => count.toLocaleString("en");

const PLAN_LINES = Object.entries(PLANS)
  .map(([name, { partitions, doc, limits }]) => {
    const place = partitions === undefined ? "shared" : `${partitions} partitions`;
    const { sendsPerSecond: sends, connections } = limits;
    const allowed = [
      ...(sends === undefined ? [] : [`${amount(sends)} messages/s`]),
      ...(connections === undefined ? [] : [`${amount(connections)} connections`]),
    ].join(", ");
    return `  ${name.padEnd(10)} ${place.padEnd(15)} ${doc}${allowed === "" ? "" : `; ${allowed}`}`;
  })
  .join("\n");

export const TENANTS_HELP = `bun run tenants — the tenants of a cluster

  add <name> [--plan ${Object.keys(PLANS).join("|")}] [--partitions N] [limits]
                           makes the tenant and its topic; its place never changes afterwards
  list [--all]             every tenant; with --all the removed ones too
  show <name>              one tenant
  limits <name> [limits]   changes what it may use, at once
  suspend <name>           nobody of it may connect; what was acked is still delivered
  resume <name>            ends that
  remove <name> --yes [--export <file>]
                           suspends it, saves it to the file, then deletes its messages and its
                           topic, for good

Limits, each a number or none for what the settings say:
  --sends-per-second N   --burst N   over all gateways together
  --connections N                    in each gateway

Plans (${DEFAULT_PLAN} when not said), with the limits that a tenant begins with:
${PLAN_LINES}

Examples
  bun run tenants add acme --plan small --sends-per-second 500
  bun run tenants limits acme --connections 1000 --burst none
  bun run tenants remove acme --yes --export acme.ndjson

--json prints JSON. Names are 1 to 40 of a-z and 0-9, with single hyphens between them.
Settings come from the environment: KAFKA_BROKERS, REDIS_URL, DATABASE_URL and what
docs/reference/config.md lists.
`;

/** What a command works with. */
export interface TenantTools {
  readonly admin: PostgresTenantAdmin;
  readonly removal: TenantRemoval;
}

type Run = (tools: TenantTools) => Promise<string>;

const OPTIONS = {
  plan: { type: "string" },
  partitions: { type: "string" },
  "sends-per-second": { type: "string" },
  burst: { type: "string" },
  connections: { type: "string" },
  all: { type: "boolean" },
  yes: { type: "boolean" },
  export: { type: "string" },
  json: { type: "boolean" },
} as const;

type Options = ReturnType<typeof parse>["values"];

/** What each command takes besides `--json`. */
const TAKES: Readonly<Record<string, readonly (keyof Options)[]>> = {
  add: ["plan", "partitions", "sends-per-second", "burst", "connections"],
  list: ["all"],
  show: [],
  limits: ["sends-per-second", "burst", "connections"],
  suspend: [],
  resume: [],
  remove: ["yes", "export"],
};

/**
 * Reads a command line.
 * @throws UsageError for what is not understood, and for a name that is none
 */
export function tenantCommand(args: readonly string[]): Run {
  const { values, positionals } = parse(args);
  const [command = "", name = "", ...rest] = positionals;
  const takes = TAKES[command];
  if (takes === undefined)
    throw new UsageError(`there is no command ${JSON.stringify(command)}: ${known()}`);
  for (const option of Object.keys(values) as (keyof Options)[])
    if (option !== "json" && !takes.includes(option))
      throw new UsageError(`${command} does not take --${option}`);
  const isList = command === "list";
  if (isList ? name !== "" : name === "" || rest.length > 0)
    throw new UsageError(isList ? "list takes no name" : `${command} takes the name of one tenant`);
  if (!isList) checkName(name);
  return runOf(command, name, values);
}

function checkName(name: string): void {
  try {
    checkTenantName(name);
  } catch (error) {
    throw new UsageError((error as Error).message);
  }
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

const known = (): string => `the commands are ${Object.keys(TAKES).join(", ")}`;

function runOf(command: string, name: string, options: Options): Run {
  const show = (tenant: Tenant, word = ""): string =>
    options.json === true ? jsonText(shown(tenant)) : `${word}${details(tenant)}`;
  switch (command) {
    case "add": {
      const { plan = DEFAULT_PLAN } = options;
      if (!isPlan(plan))
        throw new UsageError(
          `there is no plan ${plan}: the plans are ${Object.keys(PLANS).join(", ")}`,
        );
      const partitions = count("partitions", options.partitions);
      if (partitions !== undefined && partitions > PARTITIONS_MAX)
        throw new UsageError(`--partitions is at most ${PARTITIONS_MAX}`);
      const limits = limitChanges(options);
      const wanted = { name, plan, limits, ...(partitions === undefined ? {} : { partitions }) };
      return async ({ admin }) => {
        const { tenant, added } = await admin.add(wanted);
        return show(tenant, added ? `${name} is added\n` : `${name} is there already\n`);
      };
    }
    case "list":
      return async ({ admin }) => {
        const all = await admin.list();
        const tenants = all.filter(({ status }) => options.all === true || status !== "removed");
        return options.json === true ? jsonText(tenants.map(shown)) : listText(tenants);
      };
    case "limits": {
      const changes = limitChanges(options);
      return async ({ admin }) =>
        show(
          Object.keys(changes).length === 0
            ? await admin.get(name)
            : await admin.setLimits(name, changes),
        );
    }
    case "suspend":
      return async ({ admin }) => show(await admin.setStatus(name, "suspended"));
    case "resume":
      return async ({ admin }) => show(await admin.setStatus(name, "active"));
    case "remove":
      if (options.yes !== true)
        throw new UsageError(`remove deletes all messages of ${name} for good: say so with --yes`);
      return async ({ removal }) =>
        show(await removal.remove(name, options.export), `${name} is removed\n`);
    default:
      return async ({ admin }) => show(await admin.get(name));
  }
}

const PARTITIONS_MAX = 1_024;
const LIMIT_OPTIONS = [
  ["sends-per-second", "sendsPerSecond"],
  ["burst", "sendsBurst"],
  ["connections", "connections"],
] as const;

function limitChanges(options: Options): Partial<TenantLimits> {
  const changes: { -readonly [K in keyof TenantLimits]?: TenantLimits[K] } = {};
  for (const [option, limit] of LIMIT_OPTIONS) {
    const text = options[option];
    if (text !== undefined) changes[limit] = text === "none" ? undefined : count(option, text);
  }
  return changes;
}

function count(option: string, text: string | undefined): number | undefined {
  if (text === undefined) return undefined;
  if (!/^[1-9][0-9]{0,8}$/.test(text))
    throw new UsageError(`--${option} is ${JSON.stringify(text)}, not a whole number of 1 or more`);
  return Number(text);
}

/** A tenant as JSON shows it. */
function shown({ name, plan, placement, limits, status, createdAt }: Tenant) {
  return {
    name,
    status,
    plan,
    topic: placement.topic,
    shared: placement.shared,
    partitions: placement.partitions,
    limits: {
      sends_per_second: limits.sendsPerSecond ?? null,
      burst: limits.sendsBurst ?? null,
      connections: limits.connections ?? null,
    },
    created: new Date(createdAt).toISOString(),
  };
}

const jsonText = (value: unknown): string => `${JSON.stringify(value, null, 2)}\n`;
const limitText = (value: number | undefined): string => (value === undefined ? "-" : `${value}`);

function listText(tenants: readonly Tenant[]): string {
  if (tenants.length === 0) return "There are no tenants. Make one: bun run tenants add <name>\n";
  return textTable(
    ["name", "status", "plan", "topic", "partitions", "sends/s", "burst", "connections", "created"],
    tenants.map(({ name, status, plan, placement, limits, createdAt }) => [
      name,
      status,
      plan,
      placement.topic,
      `${placement.partitions}`,
      limitText(limits.sendsPerSecond),
      limitText(limits.sendsBurst),
      limitText(limits.connections),
      new Date(createdAt).toISOString().slice(0, 10),
    ]),
  );
}

function details(tenant: Tenant): string {
  const { placement, limits } = tenant;
  const place = placement.shared ? `${placement.topic} (shared)` : placement.topic;
  const limit = (value: number | undefined) => value ?? "as the settings say";
  return [
    ["name", tenant.name],
    ["status", tenant.status],
    ["plan", tenant.plan],
    ["topic", `${place}, ${placement.partitions} partitions`],
    ["sends per second", limit(limits.sendsPerSecond)],
    [
      "burst",
      limits.sendsBurst ?? (limits.sendsPerSecond === undefined ? limit(undefined) : "twice that"),
    ],
    ["connections", limit(limits.connections)],
    ["created", new Date(tenant.createdAt).toISOString()],
  ]
    .map(([label, value]) => `  ${String(label).padEnd(18)}${value}\n`)
    .join("");
}
