import { SETTINGS, type Setting, type SettingName, type SettingValues } from "./config-table.ts";
import { DEV_KEY_PREFIX, parseKeySet } from "./key-set.ts";
import { limitsWith, type Limits } from "./limits.ts";

/** Where the keys that tokens are checked with come from. */
export type KeySource =
  | { readonly kind: "development" }
  | { readonly kind: "file"; readonly path: string }
  | { readonly kind: "inline"; readonly text: string };

/** The whole effective configuration, checked. */
export interface Config {
  readonly port: number;
  readonly host: string;
  readonly production: boolean;
  readonly logLevel: "info" | "warn" | "error";
  readonly dataDir: string;
  readonly partitions: number;
  readonly retentionMs: number;
  /** Bytes of each partition; undefined: no bound. */
  readonly retentionBytes: number | undefined;
  /** `"same"`: pages of the gateway's own origin only. */
  readonly allowedOrigins: readonly string[] | "same";
  readonly jwt: { readonly keys: KeySource; readonly issuer: string; readonly audience: string };
  /** The limits table with what the settings replace in it. */
  readonly limits: Limits;
}

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

const DEV_ISSUER = "tidegate-dev";
const DEV_AUDIENCE = "tidegate";
const PREFIX = "TIDEGATE_";
const SHOWN_CHARS_MAX = 60;
const NEAR_EDITS_MAX = 4;

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Reads the settings of `config-table.ts`. An empty variable counts as absent, as compose files
 * cannot leave one out.
 *
 * @throws ConfigError with every fault at once, those between settings included
 */
export function parseConfig(env: Environment): Config {
  const faults: ConfigFault[] = [];
  const values: Record<string, unknown> = {};
  for (const [name, setting] of Object.entries(SETTINGS)) {
    values[name] = readSetting(name, setting, env[name] || undefined, faults);
  }
  faults.push(...unknownSettings(env));
  const read = values as SettingValues;
  const limits = limitsOf(read);
  const faulty = new Set(faults.map((fault) => fault.name));
  faults.push(...relationFaults(read, limits).filter((fault) => !faulty.has(fault.name)));
  if (faults.length > 0) throw new ConfigError(faults);
  return build(read, limits);
}

function readSetting(
  name: string,
  setting: Setting<unknown>,
  raw: string | undefined,
  faults: ConfigFault[],
): unknown {
  const text = raw ?? setting.default;
  if (text === undefined) return undefined;
  const parsed = setting.schema.safeParse(text);
  if (parsed.success) return parsed.data;
  const shown = setting.secret ? "" : `${JSON.stringify(text.slice(0, SHOWN_CHARS_MAX))} `;
  const wrong = [...new Set(parsed.error.issues.map((issue) => issue.message))].join(", ");
  faults.push({ name, fault: `${shown}${wrong}; allowed: ${setting.type}` });
  return undefined;
}

function unknownSettings(env: Environment): ConfigFault[] {
  const unknown = Object.keys(env).filter((name) => name.startsWith(PREFIX) && !(name in SETTINGS));
  return unknown.map((name) => {
    const near = nearest(name);
    return {
      name,
      fault: `is not a setting${near === undefined ? "" : `; did you mean ${near}?`}`,
    };
  });
}

/** The setting with the fewest single-character edits (Levenshtein) from a wrong name, if near. */
function nearest(name: string): string | undefined {
  let best: string | undefined;
  let bestEdits = NEAR_EDITS_MAX + 1;
  for (const candidate of Object.keys(SETTINGS)) {
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

/** A burst that is not set is twice its rate. */
function limitsOf(read: SettingValues): Limits {
  const base = limitsWith();
  const perConnection =
    read.TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION ?? base.sendsPerSecondPerConnection;
  const perTenant = read.TIDEGATE_SENDS_PER_SECOND_PER_TENANT ?? base.sendsPerSecondPerTenant;
  return limitsWith({
    sendsPerSecondPerConnection: perConnection,
    sendsBurstPerConnection: read.TIDEGATE_SENDS_BURST_PER_CONNECTION ?? perConnection * 2,
    sendsPerSecondPerTenant: perTenant,
    sendsBurstPerTenant: read.TIDEGATE_SENDS_BURST_PER_TENANT ?? perTenant * 2,
    drainDeadlineMs: read.TIDEGATE_DRAIN_MS ?? base.drainDeadlineMs,
  });
}

function relationFaults(read: SettingValues, limits: Limits): ConfigFault[] {
  const faults: ConfigFault[] = [];
  const fault = (name: SettingName, text: string): void => void faults.push({ name, fault: text });
  const keys = read.TIDEGATE_JWT_KEYS;
  for (const name of ["TIDEGATE_JWT_ISSUER", "TIDEGATE_JWT_AUDIENCE"] as const) {
    if (keys !== undefined && read[name] === undefined)
      fault(name, "is missing; it must be set with TIDEGATE_JWT_KEYS");
    if (keys === undefined && read[name] !== undefined)
      fault(name, "has no effect without TIDEGATE_JWT_KEYS; set both or none");
  }
  if (keys === undefined && read.NODE_ENV === "production")
    fault(
      "TIDEGATE_JWT_KEYS",
      "is missing; the development key is refused when NODE_ENV=production",
    );
  if (keys !== undefined && keySource(keys).kind === "inline")
    for (const text of keySetFaults(keys, read.NODE_ENV === "production"))
      fault("TIDEGATE_JWT_KEYS", text);
  const origins = read.TIDEGATE_ALLOWED_ORIGINS;
  if (origins !== undefined && origins.length > 1 && origins.includes("*"))
    fault("TIDEGATE_ALLOWED_ORIGINS", "has * beside other origins; allowed: * alone, or a list");
  if (limits.sendsBurstPerConnection < limits.sendsPerSecondPerConnection)
    fault(
      "TIDEGATE_SENDS_BURST_PER_CONNECTION",
      "is below the rate per second; allowed: the rate or more",
    );
  if (limits.sendsBurstPerTenant < limits.sendsPerSecondPerTenant)
    fault(
      "TIDEGATE_SENDS_BURST_PER_TENANT",
      "is below the rate per second; allowed: the rate or more",
    );
  if (limits.sendsPerSecondPerTenant < limits.sendsPerSecondPerConnection)
    fault(
      "TIDEGATE_SENDS_PER_SECOND_PER_TENANT",
      "is below what one connection may send; allowed: that rate or more",
    );
  return faults;
}

/** What is wrong with a key set, for text from a setting or from the file that it names. */
export function keySetFaults(text: string, production: boolean): readonly string[] {
  const parsed = parseKeySet(text);
  if (!parsed.ok) return parsed.faults.map((fault) => `as a key set: ${fault}`);
  if (production && parsed.keys.some((key) => key.kid.startsWith(DEV_KEY_PREFIX)))
    return ["holds a development key, which is refused when NODE_ENV=production"];
  return [];
}

function keySource(setting: string | undefined): KeySource {
  if (setting === undefined) return { kind: "development" };
  return setting.trimStart().startsWith("{")
    ? { kind: "inline", text: setting }
    : { kind: "file", path: setting };
}

function build(read: SettingValues, limits: Limits): Config {
  return {
    port: known(read.PORT),
    host: known(read.HOST),
    production: read.NODE_ENV === "production",
    logLevel: known(read.LOG_LEVEL),
    dataDir: known(read.TIDEGATE_DATA),
    partitions: known(read.TIDEGATE_PARTITIONS),
    retentionMs: known(read.TIDEGATE_RETENTION_DAYS),
    retentionBytes: read.TIDEGATE_RETENTION_BYTES,
    allowedOrigins: read.TIDEGATE_ALLOWED_ORIGINS ?? "same",
    jwt: {
      keys: keySource(read.TIDEGATE_JWT_KEYS),
      issuer: read.TIDEGATE_JWT_ISSUER ?? DEV_ISSUER,
      audience: read.TIDEGATE_JWT_AUDIENCE ?? DEV_AUDIENCE,
    },
    limits,
  };
}

function known<T>(value: T | undefined): T {
  if (value === undefined)
    throw new TypeError("a setting without default is read as if it had one");
  return value;
}

/** The configuration for the start log: keys are named by where they come from, never shown. */
export function redacted(config: Config): Readonly<Record<string, unknown>> {
  const { keys } = config.jwt;
  const { limits } = config;
  return {
    ...config,
    jwt: { ...config.jwt, keys: keys.kind === "file" ? keys.path : keys.kind },
    limits: {
      sendsPerSecondPerConnection: limits.sendsPerSecondPerConnection,
      sendsBurstPerConnection: limits.sendsBurstPerConnection,
      sendsPerSecondPerTenant: limits.sendsPerSecondPerTenant,
      sendsBurstPerTenant: limits.sendsBurstPerTenant,
      drainDeadlineMs: limits.drainDeadlineMs,
    },
  };
}
