/** A Kafka broker to begin with; the cluster names the others. */
export interface KafkaBroker {
  readonly host: string;
  readonly port: number;
}

/** How brokers are trusted, and what they are shown (mTLS). Texts are PEM, not paths. */
export interface KafkaTls {
  /** Undefined: the runtime's own list of authorities. */
  readonly ca?: string;
  readonly cert?: string;
  readonly key?: string;
  readonly passphrase?: string;
  /** False trusts any certificate: for tests only. */
  readonly rejectUnauthorized: boolean;
  /** Name in the broker's certificate where it is not the host's. */
  readonly serverName?: string;
}

export type KafkaSaslPasswordMechanism = "PLAIN" | "SCRAM-SHA-256" | "SCRAM-SHA-512";

export type KafkaSasl =
  | {
      readonly mechanism: KafkaSaslPasswordMechanism;
      readonly username: string;
      readonly password: string;
    }
  | {
      readonly mechanism: "OAUTHBEARER";
      /** Asked for at each connection and before the last token expires (RFC 7628, KIP-255). */
      readonly token: () => string | Promise<string>;
    };

export const KAFKA_COMPRESSIONS = ["none", "gzip", "snappy", "lz4", "zstd"] as const;
export type KafkaCompression = (typeof KAFKA_COMPRESSIONS)[number];

/** `consumer` is KIP-848's protocol (brokers from 4.0), `classic` every broker's. */
export const KAFKA_GROUP_PROTOCOLS = ["classic", "consumer"] as const;
export type KafkaGroupProtocol = (typeof KAFKA_GROUP_PROTOCOLS)[number];

/** All that a Kafka client is told, whichever library it is made of. */
export interface KafkaSettings {
  readonly brokers: readonly KafkaBroker[];
  readonly clientId: string;
  readonly connectionTimeoutMs: number;
  /** For everything but appends, whose outcome has a limit of its own. */
  readonly requestTimeoutMs: number;
  /** Undefined: not encrypted. */
  readonly tls: KafkaTls | undefined;
  /** Undefined: no authentication but what a client certificate gives. */
  readonly sasl: KafkaSasl | undefined;
  readonly compression: KafkaCompression;
  /** Of topics that are made; −1: the broker's default. */
  readonly replication: number;
  /** Of topics that are made; undefined: the broker's default. */
  readonly minInsyncReplicas: number | undefined;
  /** Of topics that are made; 0: the brokers' default. */
  readonly segmentBytes: number;
  /** The least time between two requests to a broker; an idle one is sent to at once. */
  readonly lingerMs: number;
  readonly sessionTimeoutMs: number;
  readonly groupProtocol: KafkaGroupProtocol;
}

/** What holds where nothing else was said. */
export const KAFKA_DEFAULTS: Omit<KafkaSettings, "brokers" | "clientId"> = {
  connectionTimeoutMs: 10_000,
  requestTimeoutMs: 30_000,
  tls: undefined,
  sasl: undefined,
  compression: "none",
  replication: -1,
  minInsyncReplicas: undefined,
  segmentBytes: 128 * 1024 * 1024,
  lingerMs: 1,
  sessionTimeoutMs: 8_000,
  groupProtocol: "classic",
};
