/** Names of the faults that are told apart; `KAFKA_FAULTS` has what they mean. */
export type KafkaFaultName =
  | "sasl_mechanism"
  | "sasl_missing"
  | "sasl_credentials"
  | "tls_authority_unknown"
  | "tls_expired"
  | "tls_name"
  | "tls_client_certificate"
  | "tls_not_spoken"
  | "tls_wanted"
  | "tls_other"
  | "sasl_handshake"
  | "dns"
  | "topic_denied"
  | "group_denied"
  | "cluster_denied"
  | "transaction_denied"
  | "record_too_large"
  | "topic_unknown"
  | "topic_invalid"
  | "quota"
  | "replicas"
  | "leader_moving"
  | "coordinator"
  | "storage"
  | "version"
  | "offset"
  | "fenced"
  | "refused"
  | "unreachable"
  | "timeout"
  | "connection_lost"
  | "other";

/** Kafka's own error names (org.apache.kafka.common.protocol.Errors). */
const PROTOCOL: Readonly<Record<string, KafkaFaultName>> = {
  UNSUPPORTED_SASL_MECHANISM: "sasl_mechanism",
  ILLEGAL_SASL_STATE: "sasl_missing",
  SASL_AUTHENTICATION_FAILED: "sasl_credentials",
  SECURITY_DISABLED: "cluster_denied",
  TOPIC_AUTHORIZATION_FAILED: "topic_denied",
  GROUP_AUTHORIZATION_FAILED: "group_denied",
  CLUSTER_AUTHORIZATION_FAILED: "cluster_denied",
  TRANSACTIONAL_ID_AUTHORIZATION_FAILED: "transaction_denied",
  MESSAGE_TOO_LARGE: "record_too_large",
  RECORD_LIST_TOO_LARGE: "record_too_large",
  UNKNOWN_TOPIC_OR_PARTITION: "topic_unknown",
  UNKNOWN_TOPIC_ID: "topic_unknown",
  INCONSISTENT_TOPIC_ID: "topic_unknown",
  INVALID_TOPIC_EXCEPTION: "topic_invalid",
  INVALID_PARTITIONS: "topic_invalid",
  INVALID_REPLICATION_FACTOR: "topic_invalid",
  INVALID_REPLICA_ASSIGNMENT: "topic_invalid",
  INVALID_CONFIG: "topic_invalid",
  POLICY_VIOLATION: "topic_invalid",
  TOPIC_DELETION_DISABLED: "topic_invalid",
  THROTTLING_QUOTA_EXCEEDED: "quota",
  NOT_ENOUGH_REPLICAS: "replicas",
  NOT_ENOUGH_REPLICAS_AFTER_APPEND: "replicas",
  LEADER_NOT_AVAILABLE: "leader_moving",
  NOT_LEADER_OR_FOLLOWER: "leader_moving",
  NOT_LEADER_FOR_PARTITION: "leader_moving",
  FENCED_LEADER_EPOCH: "leader_moving",
  UNKNOWN_LEADER_EPOCH: "leader_moving",
  BROKER_NOT_AVAILABLE: "leader_moving",
  REPLICA_NOT_AVAILABLE: "leader_moving",
  COORDINATOR_LOAD_IN_PROGRESS: "coordinator",
  COORDINATOR_NOT_AVAILABLE: "coordinator",
  NOT_COORDINATOR: "coordinator",
  NOT_CONTROLLER: "leader_moving",
  UNSTABLE_OFFSET_COMMIT: "coordinator",
  CONCURRENT_TRANSACTIONS: "coordinator",
  KAFKA_STORAGE_ERROR: "storage",
  UNSUPPORTED_VERSION: "version",
  UNSUPPORTED_COMPRESSION_TYPE: "version",
  OFFSET_OUT_OF_RANGE: "offset",
  INVALID_PRODUCER_EPOCH: "fenced",
  PRODUCER_FENCED: "fenced",
  FENCED_INSTANCE_ID: "fenced",
  FENCED_MEMBER_EPOCH: "fenced",
  REQUEST_TIMED_OUT: "timeout",
  NETWORK_EXCEPTION: "connection_lost",
};

export function faultOfProtocol(id: string): KafkaFaultName | undefined {
  return PROTOCOL[id];
}

/** Codes and words of Node's, OpenSSL's and the clients' errors; the first that fits counts. */
const TEXTS: readonly (readonly [RegExp, KafkaFaultName])[] = [
  [/\b(ENOTFOUND|EAI_AGAIN|EAI_NONAME|EAI_FAIL|ENODATA)\b|getaddrinfo/, "dns"],
  [
    /mechanism .* (is )?not (supported|enabled)|does not support the requested SASL mechanism/i,
    "sasl_mechanism",
  ],
  [
    /SASL .*authentication failed|SASL authentication failed|invalid credentials/i,
    "sasl_credentials",
  ],
  // Said for every failure of the handshake; the cause within tells which one, if any does.
  [/Cannot find a suitable SASL mechanism/, "sasl_handshake"],
  [/KafkaJSSASLAuthenticationError|PLT_KFK_AUTHENTICATION/, "sasl_credentials"],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_VERIFY_LEAF|UNABLE_TO_GET_ISSUER|CERT_UNTRUSTED|unable to (verify|get).*(certificate|issuer)|self[- ]signed certificate/i,
    "tls_authority_unknown",
  ],
  [
    /CERT_HAS_EXPIRED|CERT_NOT_YET_VALID|certificate (has|is) (expired|not yet valid)/i,
    "tls_expired",
  ],
  [/ERR_TLS_CERT_ALTNAME_INVALID|does not match certificate's altnames/i, "tls_name"],
  [
    /(certificate[_ ]required|bad[_ ]certificate|unknown[_ ]ca\b|certificate[_ ]unknown|alert number (42|46|48|116))/i,
    "tls_client_certificate",
  ],
  [
    /verify the broker supports TLS|wrong[_ ]version[_ ]number|packet length too long/i,
    "tls_not_spoken",
  ],
  [/Broker requires TLS/i, "tls_wanted"],
  [
    /\bERR_(SSL|TLS|BORINGSSL|OSSL)|\bEPROTO\b|BAD_DECRYPT|bad base64 decode|Invalid CA|PEM/,
    "tls_other",
  ],
  [/\bECONNREFUSED\b/, "refused"],
  [/\b(EHOSTUNREACH|ENETUNREACH|EHOSTDOWN|ENETDOWN|EADDRNOTAVAIL)\b/, "unreachable"],
  [/\bETIMEDOUT\b|timed out|KafkaJSRequestTimeoutError|Connection timeout/i, "timeout"],
  [
    /\b(ECONNRESET|EPIPE|ECONNABORTED)\b|Connection closed|Connection error|socket hang up|Closed connection|KafkaJSConnectionClosedError/i,
    "connection_lost",
  ],
  [/PLT_KFK_UNSUPPORTED_API/, "version"],
];

export function faultOfText(text: string): KafkaFaultName | undefined {
  return TEXTS.find(([pattern]) => pattern.test(text))?.[1];
}
