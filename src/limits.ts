/** One bound of the system: what it limits, in which unit, and what happens when it is reached. */
export interface Limit {
  readonly value: number;
  readonly unit: "bytes" | "count" | "ms" | "per_second";
  readonly doc: string;
  /** What the one who reaches it sees. */
  readonly outcome: string;
}

const limit = (value: number, unit: Limit["unit"], doc: string, outcome: string): Limit => ({
  value,
  unit,
  doc,
  outcome,
});

const KiB = 1024;
const MiB = 1024 * 1024;

/** Every bound there is. `docs/reference/limits.md` is made from this table. */
export const LIMIT_TABLE = {
  // What a client may send.
  frameBytesMax: limit(256 * KiB, "bytes", "One frame on a socket", "close frame_too_large"),
  frameLinesMax: limit(256, "count", "Commands in one frame", "close too_many_lines"),
  frameDepthMax: limit(32, "count", "Nesting of a command's JSON", "close frame_too_deep"),
  contentBytesMax: limit(
    64 * KiB,
    "bytes",
    "Content of one message, as JSON in UTF-8",
    "error content_too_large",
  ),
  conversationBytesMax: limit(200, "bytes", "A conversation's name", "error invalid_conversation"),
  tenantCharsMax: limit(40, "count", "A tenant's name", "error unauthenticated"),
  userBytesMax: limit(200, "bytes", "A user's name (token's subject)", "error unauthenticated"),
  clientNameBytesMax: limit(100, "bytes", "Client's name in connect", "error invalid_command"),
  tokenBytesMax: limit(8 * KiB, "bytes", "A token in connect or refresh", "error unauthenticated"),
  tokenClockToleranceMs: limit(
    5_000,
    "ms",
    "Difference of clocks that a token's exp and nbf are forgiven",
    "error token_expired or unauthenticated",
  ),
  capabilityPatternsMax: limit(
    100,
    "count",
    "Conversation patterns in a token's capabilities",
    "error unauthenticated",
  ),
  capabilityPatternBytesMax: limit(200, "bytes", "A conversation pattern", "error unauthenticated"),
  jwtKeysMax: limit(100, "count", "Keys to check tokens with", "the program does not start"),
  keyIdCharsMax: limit(200, "count", "A key's id (kid)", "the program does not start"),
  cursorBytesMax: limit(64, "bytes", "A cursor", "error invalid_cursor"),
  keyCharsMin: limit(16, "count", "A message key, at least", "error key_weak"),
  keyCharsMax: limit(64, "count", "A message key, at most", "error key_weak"),
  keyBitsMin: limit(
    96,
    "count",
    "Random bits that a message key's alphabet and length allow",
    "error key_weak",
  ),
  attemptMax: limit(1_000_000, "count", "Number of tries of one message", "error invalid_command"),
  httpBodyBytesMax: limit(
    256 * KiB,
    "bytes",
    "An HTTP request's body",
    "problem content_too_large",
  ),
  httpInFlightMax: limit(
    2_000,
    "count",
    "HTTP requests that one process answers at the same time",
    "problem overloaded",
  ),
  devTokenLifetimeMs: limit(
    86_400_000,
    "ms",
    "Life of a token of the development key",
    "problem token_expired",
  ),

  // A connection.
  connectTimeoutMs: limit(
    5_000,
    "ms",
    "Time to authenticate after the socket is open",
    "close connect_timeout",
  ),
  heartbeatMs: limit(25_000, "ms", "Between two heartbeats", "two missed: close heartbeat_missed"),
  subscriptionsMax: limit(
    1_000,
    "count",
    "Subscriptions a connection",
    "error too_many_subscriptions",
  ),
  creditCommandsMax: limit(
    512,
    "count",
    "Unanswered commands of one connection",
    "the server stops reading that socket",
  ),
  backlogCommandsMax: limit(8_192, "count", "Commands behind connect", "close overloaded"),
  connectionsMax: limit(200_000, "count", "Sockets of one gateway", "HTTP 503 before the upgrade"),
  connectionsUnauthenticatedMax: limit(
    10_000,
    "count",
    "Sockets of one gateway process that have not authenticated",
    "HTTP 503 before the upgrade",
  ),
  invalidCommandsMax: limit(100, "count", "Refused commands in a row", "close too_many_errors"),
  sendsPerSecondPerConnection: limit(
    2_000,
    "per_second",
    "Messages a connection may send",
    "error rate_limited",
  ),
  sendsBurstPerConnection: limit(
    4_000,
    "count",
    "Messages a connection may send at once",
    "error rate_limited",
  ),
  sendsPerSecondPerTenant: limit(
    200_000,
    "per_second",
    "Messages a tenant may send through one gateway",
    "error rate_limited",
  ),
  sendsBurstPerTenant: limit(
    400_000,
    "count",
    "Messages a tenant may send at once through one gateway",
    "error rate_limited",
  ),

  // Towards a socket.
  outboundQueueBytesMax: limit(
    256 * KiB,
    "bytes",
    "Bytes that wait for one socket before its readers are demoted",
    "demote: lag frame, then served from the store",
  ),
  outboundSocketBytesMax: limit(
    1 * MiB,
    "bytes",
    "Bytes that the socket layer may hold for one socket",
    "pushes wait in the store",
  ),
  catchUpPageBytesMax: limit(
    256 * KiB,
    "bytes",
    "One page of catch-up for one reader",
    "the next page waits for the socket to drain",
  ),
  hopelessAfterMs: limit(
    600_000,
    "ms",
    "Time a socket may take nothing at all while data waits for it",
    "close too_slow",
  ),

  // The relay.
  holdBackBytesMax: limit(
    256 * KiB,
    "bytes",
    "Publications held for a conversation while its readers catch up",
    "drop and refill from the store",
  ),
  holdBackTotalBytesMax: limit(
    64 * MiB,
    "bytes",
    "Publications held for all conversations of a gateway",
    "drop and refill from the store",
  ),
  beatIntervalMs: limit(
    1_000,
    "ms",
    "Time between two beats of a partition",
    "two missing: check the heads of its readers' conversations",
  ),
  tailIntervalMs: limit(
    250,
    "ms",
    "Time between two looks into the store at partitions whose beats are missing",
    "their new events come from the store",
  ),
  tailPageEventsMax: limit(
    1_024,
    "count",
    "Events of one page that a gateway without beats reads from the store",
    "more by the next page",
  ),
  tailReadsMax: limit(
    4,
    "count",
    "Pages that one gateway without beats reads at the same time",
    "other partitions wait",
  ),

  // The backplane over Redis.
  backplaneOutBytesMax: limit(
    16 * MiB,
    "bytes",
    "Characters that one process has sent to one Redis server without an answer",
    "further publications are dropped and counted; gateways read the store",
  ),
  publicationCharsMax: limit(
    128 * KiB,
    "count",
    "Characters of one message over Redis",
    "more messages; a longer event goes alone",
  ),
  joinWaitMs: limit(
    1_000,
    "ms",
    "Time a subscription waits for Redis to confirm its channel",
    "it goes on; everything is checked when the channel is confirmed",
  ),
  channelLingerMs: limit(
    5_000,
    "ms",
    "Time a channel stays subscribed after its last reader",
    "unsubscribed",
  ),
  probeIntervalMs: limit(
    1_000,
    "ms",
    "Time between two messages that a process sends itself over Redis",
    "the next one",
  ),
  probeTimeoutMs: limit(
    2_000,
    "ms",
    "Silence of Redis, or time to connect, after which a connection is given up",
    "connect again; everything is checked",
  ),

  // Rates that gateways share.
  rateLeaseMs: limit(
    100,
    "ms",
    "Time of a tenant's full rate that a gateway takes from the shared budget at once",
    "the next lease",
  ),
  rateLeaseLifeMs: limit(
    2_000,
    "ms",
    "Time after which a lease that was not spent is void",
    "a new lease",
  ),
  rateAnswerMs: limit(
    250,
    "ms",
    "Time that the shared budget may take to answer",
    "the gateway goes on with its share of the rate",
  ),

  // Producing.
  appendBatchRecordsMax: limit(
    4_096,
    "count",
    "Records an append",
    "the rest goes into the next one",
  ),
  appendBatchBytesMax: limit(
    1 * MiB,
    "bytes",
    "Characters an append",
    "the rest goes into the next one",
  ),
  appendPendingBytesMax: limit(
    64 * MiB,
    "bytes",
    "Characters that wait for the log in one gateway",
    "error overloaded",
  ),
  appendTimeoutMs: limit(10_000, "ms", "Time for an append's outcome", "error unknown_outcome"),

  // Kafka.
  appendOutcomeMs: limit(
    1_500,
    "ms",
    "Time for an append's outcome from Kafka",
    "log_unavailable, or unknown_outcome once it was sent",
  ),
  produceBatchBytesMax: limit(
    1_000_000,
    "bytes",
    "Appends of a partition that go to Kafka as one batch; a broker's stock message.max.bytes is a little more",
    "the rest goes into the next one",
  ),
  produceRequestBytesMax: limit(
    8 * MiB,
    "bytes",
    "Batches of one request to a broker",
    "the rest goes into the next one",
  ),
  produceInFlightMax: limit(
    2,
    "count",
    "Produce requests to one broker that wait for their answer",
    "what comes is gathered for the next one",
  ),
  fetchBytesMax: limit(
    8 * MiB,
    "bytes",
    "Records of one answer of a broker to a consumer",
    "the rest comes with the next one; at least one batch's",
  ),
  fetchPartitionBytesMax: limit(
    1 * MiB,
    "bytes",
    "Records of one partition in one answer of a broker to a consumer",
    "the rest comes with the next one; at least one batch's",
  ),
  transactionsPendingMax: limit(
    256,
    "count",
    "Atomic appends of one process that wait for their turn",
    "error overloaded",
  ),
  transactionTimeoutMs: limit(
    10_000,
    "ms",
    "Time until brokers abort an atomic append whose process is gone",
    "readers of its partitions wait so long",
  ),
  eventsPendingBytesMax: limit(
    8 * MiB,
    "bytes",
    "Characters of events that nobody waits for and that are not in the log yet",
    "the newest are dropped and counted",
  ),
  topicMessageBytesMax: limit(
    4 * MiB,
    "bytes",
    "max.message.bytes of the topics that are made: three bytes a character of one append",
    "error record_too_large",
  ),
  topicReadyMs: limit(
    10_000,
    "ms",
    "Time until all brokers know of a topic that was made or deleted",
    "error topic_unknown or log_unavailable",
  ),

  // The outbox.
  outboxRowsMax: limit(
    1_000_000,
    "count",
    "Rows of the outbox of all gateways",
    "error log_unavailable",
  ),
  outboxBytesMax: limit(
    1_024 * MiB,
    "bytes",
    "Characters of the rows of the outbox of all gateways",
    "error log_unavailable",
  ),
  outboxGatewayRowsMax: limit(
    250_000,
    "count",
    "Rows of the outbox that one gateway has put there",
    "error log_unavailable until the partition has drained",
  ),
  outboxGatewayBytesMax: limit(
    256 * MiB,
    "bytes",
    "Characters of the rows of the outbox that one gateway has put there",
    "error log_unavailable until the partition has drained",
  ),
  outboxPutRowsMax: limit(4_096, "count", "Rows of one put into the outbox", "the rest goes next"),
  outboxBatchRowsMax: limit(
    100,
    "count",
    "Rows of the outbox that are published at once",
    "the rest goes into the next batch",
  ),
  outboxPartitionsMax: limit(
    16,
    "count",
    "Partitions of the outbox that one process publishes at the same time",
    "the others wait",
  ),
  outboxPollMs: limit(100, "ms", "Between two looks for rows to publish", "looked again"),
  outboxRefreshMs: limit(
    100,
    "ms",
    "Between two looks of a gateway whether its partitions have drained",
    "looked again",
  ),
  outboxWaitMs: limit(
    150,
    "ms",
    "Time that a connect waits for the partitions in which rows wait",
    "goes on by what was known last",
  ),
  outboxHoldRowsMax: limit(
    500,
    "count",
    "Rows of a partition that are waited for before it returns to the log",
    "sends go on into the outbox",
  ),
  outboxHoldMs: limit(
    400,
    "ms",
    "Time that sends wait for the last rows of a partition",
    "sends go on into the outbox",
  ),
  sendAnswerMs: limit(
    1_850,
    "ms",
    "Time until a send that neither the log nor the outbox took is refused",
    "error log_unavailable or unknown_outcome",
  ),

  // The log.
  readPageRecordsMax: limit(
    1_024,
    "count",
    "Records of one page that a consumer behind the log's end reads",
    "the rest comes in the next page",
  ),
  readPageBytesMax: limit(
    1 * MiB,
    "bytes",
    "Characters of one page of the standalone log",
    "fewer records; at least one append's",
  ),
  commitBytesMax: limit(
    8 * MiB,
    "bytes",
    "Characters that the standalone log flushes at once",
    "the rest goes into the next flush",
  ),
  segmentBytesMax: limit(
    32 * MiB,
    "bytes",
    "Write-ahead log of one file of the standalone log",
    "the next file is begun",
  ),
  readersOpenMax: limit(
    16,
    "count",
    "Sealed files of the standalone log that are open for reading",
    "the least recently read one is closed",
  ),

  // Reading from Kafka.
  fetchWaitMs: limit(
    1_000,
    "ms",
    "Time that a Kafka broker may hold a fetch of quiet partitions while there are no records",
    "an empty answer, and the next fetch",
  ),
  fetchSpacingMs: limit(
    2,
    "ms",
    "Time between two fetches from one Kafka broker while records come",
    "records of that time come together",
  ),
  fetchAheadBytesMax: limit(
    64 * MiB,
    "bytes",
    "Fetched bytes of one consumer that wait for workers; half of it for paused partitions",
    "nothing is fetched; what a paused partition kept is fetched again",
  ),
  groupHeartbeatMs: limit(
    250,
    "ms",
    "Time between two heartbeats to the coordinator of a Kafka consumer group",
    "each step of a rebalance waits for one",
  ),
  groupAnswerTimeoutMs: limit(
    2_000,
    "ms",
    "Time that a Kafka broker has for what it answers at once, in a consumer",
    "the connection is broken and the broker looked for anew",
  ),
  rebalanceTimeoutMs: limit(
    30_000,
    "ms",
    "Time in which members of a Kafka consumer group take part in a rebalance",
    "the member is no member any more",
  ),

  // The delivery pool.
  windowOffsets: limit(
    65_536,
    "count",
    "Offsets back in which an equal id is a duplicate for a first try",
    "older ones are found by attempt",
  ),
  batchRecordsMax: limit(4_096, "count", "Records folded at once", "the rest waits in the log"),
  tailEventsMax: limit(
    100_000,
    "count",
    "Placed events of one worker that are not stored yet",
    "consumption pauses",
  ),
  tailBytesMax: limit(
    64 * MiB,
    "bytes",
    "Characters of one worker's events that are not stored yet",
    "consumption pauses",
  ),
  headsMax: limit(
    200_000,
    "count",
    "Conversation heads that one worker keeps in memory",
    "stored ones are evicted, least recently used first",
  ),
  storeBatchEventsMax: limit(
    8_192,
    "count",
    "Events in one transaction of the store",
    "the rest goes into the next one",
  ),
  storeLingerMs: limit(
    50,
    "ms",
    "Time that placed events may wait for others before they are stored",
    "stored",
  ),
  storeReadsPendingMax: limit(10_000, "count", "Reads that wait for the store", "error overloaded"),
  sessionTimeoutMs: limit(
    8_000,
    "ms",
    "Time without a heartbeat after which a worker is no member",
    "its partitions move",
  ),
  sessionMarginMs: limit(
    1_000,
    "ms",
    "Time before the session's end from which a worker publishes nothing",
    "it waits for its next heartbeat",
  ),

  // The auditor.
  auditRecordsPerSecond: limit(
    2_000,
    "per_second",
    "Records of one partition that are recounted while there is little to deliver",
    "the rest is recounted later",
  ),
  auditRecordsPerSecondBusy: limit(
    100,
    "per_second",
    "Records of one partition that are recounted while more than auditBusyPerSecond are stored",
    "the rest is recounted later",
  ),
  auditBusyPerSecond: limit(
    1_000,
    "per_second",
    "Records stored by all partitions from which on the auditor takes its slow pace",
    "the auditor slows down",
  ),
  auditMemoryMax: limit(
    10_000,
    "count",
    "Heads and ids of one partition that the auditor remembers, each",
    "older ones are not compared",
  ),

  // Reading back.
  historyLimitMax: limit(1_000, "count", "Messages in one history", "error invalid_command"),
  historyLimitDefault: limit(
    50,
    "count",
    "Messages in one answer of history when none is asked for",
    "more by the next request",
  ),
  historyBytesMax: limit(
    1 * MiB,
    "bytes",
    "Characters in one answer of history",
    "fewer messages; more is true",
  ),
  tailMax: limit(1_000, "count", "Messages back in a subscription", "error invalid_command"),
  feedPageEventsMax: limit(
    4_096,
    "count",
    "Events in one page of the feed",
    "more by the next page",
  ),

  // Telling.
  metricSeriesMax: limit(
    100,
    "count",
    "Series of one metric",
    "further ones are counted and not exported; one warning",
  ),
  logLineCharsMax: limit(16 * KiB, "count", "Characters of one log line", "cut short"),
  logLinesPerSecondMax: limit(200, "per_second", "Log lines", "the next line says how many"),

  // Leaving.
  drainDeadlineMs: limit(10_000, "ms", "Time from SIGTERM to the end of the process", "exit"),
  drainJitterMs: limit(
    5_000,
    "ms",
    "Spread of the reconnects after a drain",
    "clients wait a random part of it",
  ),
} as const satisfies Record<string, Limit>;

export type LimitName = keyof typeof LIMIT_TABLE;

/** The values alone, by name: what the code takes, so that a test can pass smaller ones. */
export type Limits = { readonly [K in LimitName]: number };

/** The values of {@link LIMIT_TABLE}, with some of them replaced. */
export function limitsWith(changes: Partial<Limits> = {}): Limits {
  const values: Record<string, number> = {};
  for (const [name, entry] of Object.entries(LIMIT_TABLE)) values[name] = entry.value;
  return { ...(values as Limits), ...changes };
}
