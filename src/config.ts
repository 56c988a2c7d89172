import { CLUSTER_SETTINGS } from "./config-cluster-table.ts";
import { KAFKA_SETTINGS } from "./config-kafka-table.ts";
import {
  known,
  readSettings,
  throwFaults,
  unknownSettings,
  withoutServiceLinks,
  withRelations,
  type ConfigFault,
  type Environment,
} from "./config-read.ts";
import { SETTINGS, type SettingName, type SettingValues } from "./config-table.ts";
import { traceConfig, traceFaults, type TraceConfig } from "./config-trace.ts";
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
  /** Opens the ops page and the admin API; undefined: the program makes one, or they are off. */
  readonly adminKey: string | undefined;
  /** Undefined: nothing is traced. */
  readonly trace: TraceConfig | undefined;
  /** Where people open a trace, with `{trace}` for its id. */
  readonly traceUrl: string | undefined;
  /** The limits table with what the settings replace in it. */
  readonly limits: Limits;
}

const DEV_ISSUER = "tidegate-dev";
const DEV_AUDIENCE = "tidegate";
/**
 * Reads the settings of `config-table.ts`. An empty variable counts as absent, as compose files
 * cannot leave one out.
 *
 * @throws ConfigError with every fault at once, those between settings included
 */
export function parseConfig(all: Environment): Config {
  const env = withoutServiceLinks(all);
  const { config, faults } = readConfig(env);
  throwFaults([...faults, ...unknownSettings(env, [SETTINGS, KAFKA_SETTINGS, CLUSTER_SETTINGS])]);
  return config();
}

/** The settings with their faults, for whoever reads further ones before it throws. */
export function readConfig(env: Environment): {
  readonly values: SettingValues;
  readonly faults: readonly ConfigFault[];
  readonly config: () => Config;
} {
  const { values, faults } = readSettings(SETTINGS, env);
  const limits = limitsOf(values);
  const all = withRelations(faults, relationFaults(values, limits));
  return { values, faults: all, config: () => build(values, limits) };
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
  const faults = traceFaults(read);
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

/** Where a value of `TIDEGATE_JWT_KEYS` says that the keys are. */
export function keySource(setting: string | undefined): KeySource {
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
    adminKey: read.TIDEGATE_ADMIN_KEY,
    trace: traceConfig(read),
    traceUrl: read.TIDEGATE_TRACE_URL,
    limits,
  };
}

/** The configuration for the start log: keys are named by where they come from, never shown. */
export function redacted(config: Config): Readonly<Record<string, unknown>> {
  const { keys } = config.jwt;
  const { limits, trace } = config;
  return {
    ...config,
    trace: trace && { ...trace, headers: Object.keys(trace.headers) },
    adminKey: config.adminKey === undefined ? "none" : "set",
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
