import { AppError, type ErrorCode } from "../errors.ts";
import { type KafkaFaultName, faultOfProtocol, faultOfText } from "./error-signs.ts";

/** What an operator has to look at. */
export type KafkaErrorKind =
  | "dns"
  | "network"
  | "tls"
  | "authentication"
  | "authorization"
  | "topic"
  | "quota"
  | "broker";

interface FaultRow {
  readonly kind: KafkaErrorKind;
  /** For operators: what it means, and the setting to look at. */
  readonly hint: string;
  /** What it means to whoever appends or reads, when the records are certainly not in the log. */
  readonly code: ErrorCode;
}

const row = (
  kind: KafkaErrorKind,
  hint: string,
  code: ErrorCode = "log_unavailable",
): FaultRow => ({
  kind,
  hint,
  code,
});

/**
 * Every fault that is told apart. Of several in one error the first row here counts: an answer of a
 * broker says more than that another one could not be reached.
 */
export const KAFKA_FAULTS = {
  sasl_mechanism: row(
    "authentication",
    "The broker does not offer this SASL mechanism: look at KAFKA_SASL_MECHANISM",
  ),
  sasl_missing: row(
    "authentication",
    "The broker wants SASL on this port, or does not know it there: look at KAFKA_SASL_MECHANISM and the port in KAFKA_BROKERS",
  ),
  sasl_credentials: row(
    "authentication",
    "The broker refuses the credentials: look at KAFKA_SASL_USERNAME and KAFKA_SASL_PASSWORD (or the token)",
  ),
  tls_authority_unknown: row(
    "tls",
    "The broker's certificate was not issued by a known authority: look at KAFKA_TLS_CA",
  ),
  tls_expired: row(
    "tls",
    "A certificate has expired or is not valid yet: look at the broker's certificate, at KAFKA_TLS_CA, and at this machine's clock",
  ),
  tls_name: row(
    "tls",
    "The broker's certificate is for another name: use that name in KAFKA_BROKERS and in the broker's advertised.listeners",
  ),
  tls_client_certificate: row(
    "tls",
    "The broker wants a client certificate that it knows: look at KAFKA_TLS_CERT and KAFKA_TLS_KEY",
  ),
  tls_not_spoken: row(
    "tls",
    "The broker does not speak TLS on this port: look at KAFKA_TLS and the port in KAFKA_BROKERS",
  ),
  tls_wanted: row(
    "tls",
    "The broker wants TLS on this port: set KAFKA_TLS=true, or look at the port in KAFKA_BROKERS",
  ),
  tls_other: row(
    "tls",
    "The TLS handshake failed: look at KAFKA_TLS, KAFKA_TLS_CA, KAFKA_TLS_CERT and KAFKA_TLS_KEY",
  ),
  sasl_handshake: row(
    "tls",
    "The broker ended the connection at the SASL handshake, as it does where it wants TLS: set KAFKA_TLS=true, or look at the port in KAFKA_BROKERS",
  ),
  dns: row(
    "dns",
    "The host's name is not known: look at KAFKA_BROKERS and at advertised.listeners",
  ),
  topic_denied: row(
    "authorization",
    "The user may not do this with the topic: give KAFKA_SASL_USERNAME the ACL (Read, Write, Create, Describe)",
  ),
  group_denied: row(
    "authorization",
    "The user may not use the consumer group: give KAFKA_SASL_USERNAME the ACL (Read on the group)",
  ),
  cluster_denied: row(
    "authorization",
    "The user may not do this with the cluster: give KAFKA_SASL_USERNAME the ACL (Create, Alter or IdempotentWrite)",
  ),
  transaction_denied: row(
    "authorization",
    "The user may not use the transactional id: give KAFKA_SASL_USERNAME the ACL (Write on the id)",
  ),
  record_too_large: row(
    "topic",
    "A record is larger than the topic takes: look at its max.message.bytes",
    "record_too_large",
  ),
  topic_unknown: row(
    "topic",
    "The topic is not there, or the user may not see it: make it, or give KAFKA_SASL_USERNAME the ACL",
    "topic_unknown",
  ),
  topic_invalid: row(
    "topic",
    "The broker does not take the topic's settings: look at KAFKA_REPLICATION, KAFKA_MIN_INSYNC_REPLICAS and KAFKA_SEGMENT_BYTES",
  ),
  quota: row(
    "quota",
    "The broker's quota for this user or client is used up: raise it, or send less",
  ),
  replicas: row(
    "broker",
    "Fewer replicas are in sync than min.insync.replicas: look at the brokers and at KAFKA_MIN_INSYNC_REPLICAS",
  ),
  leader_moving: row(
    "broker",
    "The partition has no leader at the moment: it passes, or a broker is away",
  ),
  coordinator: row(
    "broker",
    "The coordinator of the group or transaction is moving or starting: it passes",
  ),
  storage: row("broker", "The broker cannot write to its disk: look at its log"),
  version: row("broker", "The broker is too old for this: Kafka 3.5 or later is needed"),
  offset: row("broker", "The offset is outside the log", "log_expired"),
  fenced: row("broker", "Another client has taken over this one's identity", "fenced"),
  refused: row(
    "network",
    "Nothing listens at the address: look at KAFKA_BROKERS, and whether the broker runs",
  ),
  unreachable: row(
    "network",
    "The address cannot be reached: look at KAFKA_BROKERS and the network",
  ),
  timeout: row(
    "network",
    "The broker does not answer in time: look at KAFKA_BROKERS, KAFKA_CONNECTION_TIMEOUT and the broker's load",
  ),
  connection_lost: row(
    "network",
    "The broker ended the connection: it stopped, or it wants TLS (KAFKA_TLS), a client certificate (KAFKA_TLS_CERT) or SASL (KAFKA_SASL_MECHANISM) on this port",
  ),
  other: row("broker", "An error that is not told apart: look at the broker's log"),
} as const satisfies Record<KafkaFaultName, FaultRow>;

const RANK = new Map(Object.keys(KAFKA_FAULTS).map((name, i) => [name, i]));

/** What a client's error means. */
export interface KafkaFault extends FaultRow {
  readonly name: KafkaFaultName;
  /** The innermost message that showed it; without secrets. */
  readonly message: string;
}

/** Nested errors are followed so deep and so many; real ones have a dozen. */
const NESTED_MAX = 200;

/**
 * Finds the cause in a client's error, through `cause` and `errors` of any depth: libraries wrap an
 * authentication error in "metadata failed" in "cannot connect to any broker".
 */
export function kafkaFault(error: unknown): KafkaFault {
  let best: KafkaFaultName = "other";
  let message = error instanceof Error ? error.message : String(error);
  for (const inner of nested(error)) {
    const name = signOf(inner);
    if (name === undefined || (RANK.get(name) ?? 0) >= (RANK.get(best) ?? 0)) continue;
    best = name;
    message = inner.message;
  }
  return { ...KAFKA_FAULTS[best], name: best, message };
}

/**
 * The error as the port's callers know it.
 *
 * @param written `no`: the records are certainly not in the log; `maybe`: nobody knows
 */
export function kafkaAppError(error: unknown, written: "no" | "maybe" = "no"): AppError {
  if (error instanceof AppError) return error;
  const fault = kafkaFault(error);
  const code = written === "maybe" ? "unknown_outcome" : fault.code;
  return new AppError(code, `${fault.message} (${fault.kind}). ${fault.hint}`, { cause: error });
}

/** The error itself and all within, outermost first; each once. */
function nested(error: unknown): ErrorLike[] {
  const found: ErrorLike[] = [];
  const seen = new Set<unknown>();
  const open: unknown[] = [error];
  while (open.length > 0 && found.length < NESTED_MAX) {
    const next = open.shift();
    if (typeof next !== "object" || next === null || seen.has(next)) continue;
    seen.add(next);
    const like = next as ErrorLike;
    found.push({ ...pick(like), message: String(like.message) });
    open.push(like.cause, like.originalError);
    if (Array.isArray(like.errors)) open.push(...(like.errors as unknown[]));
  }
  return found;
}

interface ErrorLike {
  readonly message: string;
  readonly name?: unknown;
  readonly code?: unknown;
  /** Kafka's name of the error, where @platformatic/kafka keeps it. */
  readonly apiId?: unknown;
  /** And where kafkajs does. */
  readonly type?: unknown;
  readonly cause?: unknown;
  readonly originalError?: unknown;
  readonly errors?: unknown;
}

function pick({ name, code, apiId, type }: ErrorLike): Omit<ErrorLike, "message"> {
  return { name, code, apiId, type };
}

function signOf({ apiId, type, code, name, message }: ErrorLike): KafkaFaultName | undefined {
  for (const id of [apiId, type]) {
    const found = typeof id === "string" ? faultOfProtocol(id) : undefined;
    if (found !== undefined) return found;
  }
  return faultOfText(`${String(code)} ${String(name)} ${message}`);
}
