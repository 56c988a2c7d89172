import { limit, MiB, type Limit } from "./limit.ts";

/** The way into the log and out of it. */
export const LOG_LIMITS = {
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

  appendWaitMs: limit(
    300,
    "ms",
    "Time in which even the quickest append of a gateway must not have waited for the log",
    "less may wait: error overloaded",
  ),
  appendWindowBytesMin: limit(
    1 * MiB,
    "bytes",
    "Characters that may wait for the log in one gateway, however slow it is",
    "error overloaded",
  ),
  appendQueueMs: limit(
    200,
    "ms",
    "What a log takes in this time, as it lately did, may wait for it in one gateway; appendWindowBytesMin in any case, and no more than half of what would be refused",
    "what clients send waits to be taken in, and the server stops reading their sockets",
  ),
  appendSilentMs: limit(
    300,
    "ms",
    "Time without an answer, while other partitions answer, after which nobody waits for a partition",
    "clients' frames are taken in",
  ),
  deliveryLagMs: limit(
    50,
    "ms",
    "Time after its receipt by which a message is expected in the publications that a gateway hears",
    "the partition's next append waits, for deliveryHoldMs at most",
  ),
  deliveryLagRecordsMin: limit(
    1_024,
    "count",
    "Records of a partition that are not published yet, from which on a late delivery counts",
    "with fewer, no append waits",
  ),
  deliveryHoldMs: limit(
    100,
    "ms",
    "Time that an append to Kafka waits for the partition's delivery; for one that is silent only once",
    "appended",
  ),

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
    "Partitions of the outbox that one process publishes at the same time; in a cluster no more than a fifth of DATABASE_POOL_MAX",
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
    800,
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
  commitLagRecordsMax: limit(
    4_096,
    "count",
    "Records that the delivery of a standalone process may be behind its log's end",
    "the next flush waits until it is there, for commitHoldMs at most",
  ),
  commitHoldMs: limit(
    100,
    "ms",
    "Time that a flush waits for a delivery that is behind; for one that stands still only once",
    "flushed",
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
} as const satisfies Record<string, Limit>;
