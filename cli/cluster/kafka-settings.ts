import { readFileSync } from "node:fs";
import type { KafkaConfig, KafkaSaslConfig } from "../../src/config-cluster.ts";
import { ConfigError, type ConfigFault } from "../../src/config-read.ts";
import type {
  KafkaSasl,
  KafkaSaslPasswordMechanism,
  KafkaSettings,
} from "../../src/kafka/settings.ts";
import { createTokenSource } from "./token-source.ts";

/** The broker's own default; the number that Kafka's protocol has for it (KIP-464). */
const BROKER_DEFAULT = -1;

/**
 * What the settings say of Kafka, with the files that they name read.
 * @throws ConfigError for files that cannot be read or hold no PEM
 */
export function loadKafkaSettings(config: KafkaConfig): KafkaSettings {
  const faults: ConfigFault[] = [];
  const pem = (name: string, path: string | undefined): string | undefined => {
    if (path === undefined) return undefined;
    const text = readPem(path);
    if (text.ok) return text.value;
    faults.push({ name, fault: text.fault });
    return undefined;
  };
  const { tls } = config;
  const ca = pem("KAFKA_TLS_CA", tls?.ca);
  const cert = pem("KAFKA_TLS_CERT", tls?.cert);
  const key = pem("KAFKA_TLS_KEY", tls?.key);
  if (faults.length > 0) throw new ConfigError(faults);
  return {
    brokers: config.brokers,
    clientId: config.clientId,
    connectionTimeoutMs: config.connectionTimeoutMs,
    requestTimeoutMs: config.requestTimeoutMs,
    tls: tls && {
      ...(ca === undefined ? {} : { ca }),
      ...(cert === undefined ? {} : { cert }),
      ...(key === undefined ? {} : { key }),
      ...(tls.keyPassword === undefined ? {} : { passphrase: tls.keyPassword }),
      rejectUnauthorized: true,
    },
    sasl: config.sasl && saslOf(config.sasl, config.requestTimeoutMs),
    compression: config.compression,
    replication: config.replication ?? BROKER_DEFAULT,
    minInsyncReplicas: config.minInsyncReplicas,
    segmentBytes: config.segmentBytes,
    lingerMs: config.lingerMs,
    sessionTimeoutMs: config.sessionTimeoutMs,
    groupProtocol: config.groupProtocol,
  };
}

function saslOf(sasl: KafkaSaslConfig, timeoutMs: number): KafkaSasl {
  if (sasl.mechanism !== "oauthbearer")
    return { ...sasl, mechanism: sasl.mechanism.toUpperCase() as KafkaSaslPasswordMechanism };
  if ("token" in sasl) return { mechanism: "OAUTHBEARER", token: () => sasl.token };
  return { mechanism: "OAUTHBEARER", token: createTokenSource({ ...sasl, timeoutMs }) };
}

type PemText =
  | { readonly ok: true; readonly value: string }
  | { readonly ok: false; readonly fault: string };

/** Text of a PEM file. Faults name the file, never what is in it. */
export function readPem(path: string): PemText {
  let value: string;
  try {
    value = readFileSync(path, "utf8");
  } catch (error) {
    const why = error instanceof Error ? error.message : String(error);
    return { ok: false, fault: `names a file that cannot be read: ${why}` };
  }
  return value.includes("-----BEGIN ")
    ? { ok: true, value }
    : { ok: false, fault: `names a file without PEM: ${path}` };
}
