import { join } from "node:path";
import { pem } from "./certificates.ts";

export type KafkaShape = "plain" | "secure" | "cluster";

/** The ports of one broker. */
export interface BrokerPorts {
  /** For clients: without TLS in `plain` and `cluster`, SASL over TLS in `secure`. */
  readonly client: number;
  /** Between brokers and for the tools: no TLS, no password, the super user of `secure`. */
  readonly internal: number;
  readonly controller: number;
  /** The listener behind a proxy, which is advertised as the proxy's port. */
  readonly proxied?: { readonly port: number; readonly advertised: number };
  /** TLS with a client certificate; `secure` only. */
  readonly mutual?: number;
}

export interface BrokerConfig {
  readonly shape: KafkaShape;
  /** Index in `all`; the node's id is one more. */
  readonly index: number;
  readonly all: readonly BrokerPorts[];
  readonly folder: string;
  /** Folder of the certificates; `secure` only. */
  readonly certificates?: string;
  /** User → password; `secure` only. */
  readonly users?: Readonly<Record<string, string>>;
  readonly settings?: Readonly<Record<string, string>>;
}

export const MECHANISMS = ["PLAIN", "SCRAM-SHA-256", "SCRAM-SHA-512", "OAUTHBEARER"] as const;

/** The text of a broker's `server.properties` (KRaft, every node is broker and controller). */
export function brokerProperties(config: BrokerConfig): string {
  const properties = { ...baseProperties(config), ...secureProperties(config), ...config.settings };
  return Object.entries(properties)
    .map(([key, value]) => `${key}=${value}\n`)
    .join("");
}

function baseProperties({ shape, index, all, folder }: BrokerConfig): Record<string, string> {
  const ports = all[index];
  if (ports === undefined) throw new Error(`there is no broker ${index}`);
  const replicas = String(Math.min(3, all.length));
  const inSync = String(Math.min(2, all.length));
  const open = shape === "secure" ? "SASL_SSL" : "PLAINTEXT";
  const listeners: [name: string, protocol: string, port: number, advertised: number][] = [
    ["CLIENT", open, ports.client, ports.client],
    ["INTERNAL", "PLAINTEXT", ports.internal, ports.internal],
  ];
  const { proxied, mutual } = ports;
  if (proxied !== undefined) listeners.push(["PROXIED", open, proxied.port, proxied.advertised]);
  if (mutual !== undefined) listeners.push(["MUTUAL", "SSL", mutual, mutual]);
  const addresses = (port: (row: (typeof listeners)[number]) => number) =>
    listeners.map((row) => `${row[0]}://127.0.0.1:${port(row)}`).join(",");
  return {
    "process.roles": "broker,controller",
    "node.id": String(index + 1),
    "controller.quorum.voters": all
      .map(({ controller }, at) => `${at + 1}@127.0.0.1:${controller}`)
      .join(","),
    listeners: `${addresses((row) => row[2])},CONTROLLER://127.0.0.1:${ports.controller}`,
    "advertised.listeners": addresses((row) => row[3]),
    "listener.security.protocol.map": [
      ...listeners.map(([name, protocol]) => `${name}:${protocol}`),
      "CONTROLLER:PLAINTEXT",
    ].join(","),
    "inter.broker.listener.name": "INTERNAL",
    "controller.listener.names": "CONTROLLER",
    "log.dirs": join(folder, "data"),
    "auto.create.topics.enable": "false",
    // A broker that was killed comes back, and is missed, in 3 s and not in 9.
    "broker.session.timeout.ms": "3000",
    "broker.heartbeat.interval.ms": "500",
    "group.initial.rebalance.delay.ms": "0",
    "default.replication.factor": replicas,
    "min.insync.replicas": inSync,
    "offsets.topic.replication.factor": replicas,
    "offsets.topic.num.partitions": "8",
    "transaction.state.log.replication.factor": replicas,
    "transaction.state.log.min.isr": inSync,
    "transaction.state.log.num.partitions": "4",
    "share.coordinator.state.topic.replication.factor": replicas,
    "share.coordinator.state.topic.min.isr": inSync,
  };
}

function secureProperties(config: BrokerConfig): Record<string, string> {
  const { shape, certificates, users = {} } = config;
  if (shape !== "secure" || certificates === undefined) return {};
  const plain = Object.entries(users).map(([name, password]) => `user_${name}="${password}"`);
  const properties: Record<string, string> = {
    "authorizer.class.name": "org.apache.kafka.metadata.authorizer.StandardAuthorizer",
    // ANONYMOUS is who comes over the listeners without a password, brokers and controllers.
    "super.users": "User:admin;User:ANONYMOUS",
    "sasl.enabled.mechanisms": MECHANISMS.join(","),
    "ssl.keystore.type": "PEM",
    "ssl.keystore.location": pem(certificates, "broker-store"),
    "ssl.truststore.type": "PEM",
    "ssl.truststore.location": pem(certificates, "ca"),
    "listener.name.mutual.ssl.client.auth": "required",
    "ssl.principal.mapping.rules": "RULE:^CN=([^,]+).*$/$1/,DEFAULT",
  };
  const modules = "org.apache.kafka.common.security";
  const jaas: Record<(typeof MECHANISMS)[number], string> = {
    PLAIN: `${modules}.plain.PlainLoginModule required ${plain.join(" ")};`,
    "SCRAM-SHA-256": `${modules}.scram.ScramLoginModule required;`,
    "SCRAM-SHA-512": `${modules}.scram.ScramLoginModule required;`,
    // Takes tokens without a signature (alg: none), of which only form and lifetime are checked.
    OAUTHBEARER: `${modules}.oauthbearer.OAuthBearerLoginModule required unsecuredLoginStringClaim_sub="broker";`,
  };
  for (const listener of ["client", "proxied"]) {
    for (const mechanism of MECHANISMS) {
      const key = `listener.name.${listener}.${mechanism.toLowerCase()}.sasl.jaas.config`;
      properties[key] = jaas[mechanism];
    }
  }
  return properties;
}
