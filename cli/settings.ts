import { lookup } from "node:dns/promises";
import { keyFileFaults } from "../src/adapters/system/keys.ts";
import {
  parseClusterConfig,
  parseKafkaConfig,
  type ClusterConfig,
  type ClusterProgram,
} from "../src/config-cluster.ts";
import {
  ConfigError,
  withRelations,
  type ConfigFault,
  type Environment,
} from "../src/config-read.ts";
import { keySource, parseConfig, type Config } from "../src/config.ts";
import { readPem } from "./cluster/kafka-settings.ts";

const KAFKA_FILES = ["KAFKA_TLS_CA", "KAFKA_TLS_CERT", "KAFKA_TLS_KEY"] as const;
const CLUSTER_FILES = [...KAFKA_FILES, "REDIS_TLS_CA", "DATABASE_TLS_CA"] as const;
/** OpenTelemetry's exporter passes over what it cannot read, and then no span gets anywhere. */
const TRACE_FILES = ["CERTIFICATE", "CLIENT_CERTIFICATE", "CLIENT_KEY"].flatMap((what) => [
  `OTEL_EXPORTER_OTLP_${what}`,
  `OTEL_EXPORTER_OTLP_TRACES_${what}`,
]);
const TRACE_ENDPOINTS = ["OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT"];

/**
 * The settings of the standalone program, with what they name on this machine looked at.
 * @throws ConfigError with every fault at once, those of files and of the host included
 */
export async function readStandaloneSettings(env: Environment): Promise<Config> {
  const found = [...keyFaults(env), ...traceFaults(env), ...(await hostFaults(env))];
  return withFaults(found, () => parseConfig(env));
}

/**
 * The same for a program of a cluster: its files, and the host of one that listens.
 * @throws ConfigError as {@link readStandaloneSettings}
 */
export async function readClusterSettings(
  env: Environment,
  program: ClusterProgram,
): Promise<ClusterConfig> {
  const found = [
    ...pemFaults(env, CLUSTER_FILES),
    ...(program === "gateway" ? keyFaults(env) : []),
    ...(program === "tool" ? [] : [...traceFaults(env), ...(await hostFaults(env))]),
  ];
  return withFaults(found, () => parseClusterConfig(env, program));
}

/** The same for Kafka's part alone. @throws ConfigError as {@link readStandaloneSettings} */
export function readKafkaSettings(env: Environment): ReturnType<typeof parseKafkaConfig> {
  return withFaults(pemFaults(env, KAFKA_FILES), () => parseKafkaConfig(env));
}

/** What is wrong with a setting as it is written goes before what it names. */
function withFaults<T>(found: readonly ConfigFault[], read: () => T): T {
  let config: T;
  try {
    config = read();
  } catch (error) {
    if (error instanceof ConfigError) throw new ConfigError(withRelations(error.faults, found));
    throw error;
  }
  if (found.length > 0) throw new ConfigError(found);
  return config;
}

function pemFaults(env: Environment, names: readonly string[]): ConfigFault[] {
  return names.flatMap((name) => {
    const path = env[name];
    if (!path) return [];
    const text = readPem(path);
    return text.ok ? [] : [{ name, fault: text.fault }];
  });
}

/** Without a collector they may be there for other programs. */
function traceFaults(env: Environment): ConfigFault[] {
  return TRACE_ENDPOINTS.some((name) => env[name]) ? pemFaults(env, TRACE_FILES) : [];
}

function keyFaults(env: Environment): readonly ConfigFault[] {
  const source = keySource(env["TIDEGATE_JWT_KEYS"] || undefined);
  const production = env["NODE_ENV"]?.toLowerCase() === "production";
  return source.kind === "file" ? keyFileFaults(source.path, production) : [];
}

/** Of a name that nobody knows the runtime says that its port is in use. */
async function hostFaults(env: Environment): Promise<ConfigFault[]> {
  const host = env["HOST"];
  if (!host) return [];
  try {
    await lookup(host);
    return [];
  } catch {
    const fault = `${JSON.stringify(host)} is no name that is known here; allowed: an address of this machine, such as 127.0.0.1, or 0.0.0.0 for all of them`;
    return [{ name: "HOST", fault }];
  }
}
