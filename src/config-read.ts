import type { Setting, SettingTable, ValuesOf } from "./setting.ts";

export interface ConfigFault {
  readonly name: string;
  /** What is wrong, then what is allowed; never a secret's value. */
  readonly fault: string;
}

/** All that is wrong with an environment, one line each. */
export class ConfigError extends Error {
  readonly faults: readonly ConfigFault[];

  constructor(faults: readonly ConfigFault[]) {
    super(faults.map(({ name, fault }) => `${name} ${fault}`).join("\n"));
    this.name = "ConfigError";
    this.faults = faults;
  }
}

export type Environment = Readonly<Record<string, string | undefined>>;

const PREFIX = "TIDEGATE_";
/** Where tests find services; no program reads these. */
const TEST_PREFIX = "TIDEGATE_TEST_";
/** Kafka's own scripts read variables of this prefix too, so only near misses are told. */
const KAFKA_PREFIX = "KAFKA_";
/** `ssl.key.password` of a broker in a container. */
const BROKERS_KEY_PASSWORD = "KAFKA_SSL_KEY_PASSWORD";
const SERVICE_HOST = "_SERVICE_HOST";
/** What stands behind a Service's name, with its value; a bare `_PORT` is one by its value alone. */
const SERVICE_LINK =
  /^(?:_SERVICE_HOST=|_SERVICE_PORT(?:_\w+)?=|_PORT=(?:tcp|udp|sctp):|_PORT_\d+_(?:TCP|UDP|SCTP)(?:_(?:PROTO|PORT|ADDR))?=)/;
const SHOWN_CHARS_MAX = 60;
const NEAR_EDITS_MAX = 4;
const KAFKA_EDITS_MAX = 2;

/**
 * The environment without what Kubernetes adds for each Service of a pod's namespace: no settings,
 * though one called `tidegate-consumers` adds `TIDEGATE_CONSUMERS_PORT=tcp://…`.
 */
export function withoutServiceLinks(env: Environment): Environment {
  const services = Object.keys(env).flatMap((name) =>
    name.endsWith(SERVICE_HOST) ? [name.slice(0, -SERVICE_HOST.length)] : [],
  );
  const isLink = (name: string): boolean =>
    services.some(
      (service) =>
        name.startsWith(`${service}_`) &&
        SERVICE_LINK.test(`${name.slice(service.length)}=${env[name] ?? ""}`),
    );
  return Object.fromEntries(Object.entries(env).filter(([name]) => !isLink(name)));
}

/** Reads a table's variables; an empty one counts as absent. */
export function readSettings<T extends SettingTable>(
  table: T,
  env: Environment,
): { readonly values: ValuesOf<T>; readonly faults: readonly ConfigFault[] } {
  const faults: ConfigFault[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, one] of Object.entries(table))
    values[name] = readSetting(name, one, env[name] || undefined, faults);
  return { values: values as ValuesOf<T>, faults };
}

/** Both kinds of faults; what is wrong in itself needs no word on how it fits the others. */
export function withRelations(
  faults: readonly ConfigFault[],
  relations: readonly ConfigFault[],
): readonly ConfigFault[] {
  const faulty = new Set(faults.map((fault) => fault.name));
  return [...faults, ...relations.filter((fault) => !faulty.has(fault.name))];
}

/** @throws ConfigError with all of them, when there are any */
export function throwFaults(faults: readonly ConfigFault[]): void {
  if (faults.length > 0) throw new ConfigError(faults);
}

function readSetting(
  name: string,
  one: Setting<unknown>,
  raw: string | undefined,
  faults: ConfigFault[],
): unknown {
  const text = raw ?? one.default;
  if (text === undefined) return undefined;
  const parsed = one.schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const shown = one.secret ? "" : `${JSON.stringify(text.slice(0, SHOWN_CHARS_MAX))} `;
  const wrong = [...new Set(parsed.error.issues.map((issue) => issue.message))].join(", ");
  faults.push({ name, fault: `${shown}${wrong}; allowed: ${one.type}` });
  return undefined;
}

/** Variables that look like ours and are in none of the tables. */
export function unknownSettings(env: Environment, tables: readonly SettingTable[]): ConfigFault[] {
  const names = tables.flatMap((table) => Object.keys(table));
  const known = new Set(names);
  return Object.keys(env).flatMap((name) => {
    if (known.has(name)) return [];
    const isOurs = name.startsWith(PREFIX) && !name.startsWith(TEST_PREFIX);
    if (!isOurs && !name.startsWith(KAFKA_PREFIX)) return [];
    const near =
      otherwise(name).find((other) => known.has(other)) ??
      nearest(name, names, isOurs ? NEAR_EDITS_MAX : KAFKA_EDITS_MAX);
    if (near !== undefined) return [{ name, fault: `is not a setting; did you mean ${near}?` }];
    return isOurs ? [{ name, fault: "is not a setting" }] : [];
  });
}

/** Names that whoever wrote this one may have meant, however many letters they are apart. */
function otherwise(name: string): readonly string[] {
  if (name.startsWith(PREFIX)) return [name.slice(PREFIX.length)];
  return name === BROKERS_KEY_PASSWORD ? [] : [name.replace("_SSL_", "_TLS_")];
}

/** The setting with the fewest single-character edits (Levenshtein) from a wrong name, if near. */
function nearest(name: string, names: readonly string[], editsMax: number): string | undefined {
  let best: string | undefined;
  let bestEdits = editsMax + 1;
  for (const candidate of names) {
    const edits = editDistance(name, candidate);
    if (edits < bestEdits) [best, bestEdits] = [candidate, edits];
  }
  return best;
}

function editDistance(a: string, b: string): number {
  let row = Array.from({ length: b.length + 1 }, (_, i) => i);
  for (let i = 1; i <= a.length; i++) {
    const next = [i];
    for (let j = 1; j <= b.length; j++) {
      const replaced = (row[j - 1] ?? 0) + (a[i - 1] === b[j - 1] ? 0 : 1);
      next.push(Math.min(replaced, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
    }
    row = next;
  }
  return row[b.length] ?? 0;
}

/** The value of a setting that has a default, once there are no faults. */
export function known<T>(value: T | undefined): T {
  if (value === undefined)
    throw new TypeError("a setting without default is read as if it had one");
  return value;
}
