import { KiB, limit, MiB, type Limit } from "./limit.ts";

/** What pools hold, what they say of it, and how everything ends. */
export const POOL_LIMITS = {
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

  refusalsKeptMax: limit(
    10_000,
    "count",
    "Refusals that one process keeps until Redis has passed them on twice",
    "the oldest is given up and counted; its dead letter stays",
  ),
  refusalsKeptBytesMax: limit(
    4 * MiB,
    "bytes",
    "Characters of the refusals that one process keeps",
    "the oldest is given up and counted; its dead letter stays",
  ),
  refusalRepeatMs: limit(
    5_000,
    "ms",
    "Time after which a refusal is said again, in which gateways that lost Redis come back",
    "said again",
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
    "Time that placed events may wait for others before they are stored; up to sixteen times as long where more than 24 partitions have fewer than 32 events each in that time and nobody waits for them",
    "stored",
  ),
  storeRestMs: limit(
    1_000,
    "ms",
    "Time for which a process stores less while its live delivery is behind, in every three times as long at the most",
    "stored",
  ),
  storeRestLagMs: limit(
    50,
    "ms",
    "Time between the oldest and the newest message that are placed at once, from which on delivery is behind",
    "the process stores less for storeRestMs, if nobody waits for what is stored and a quarter of tailEventsMax is not reached",
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
  auditAtOnceMax: limit(
    2,
    "count",
    "Partitions of one process that are recounted at the same time",
    "the others wait for their turn",
  ),
  auditBusyRest: limit(
    9,
    "count",
    "Rest after a piece was recounted while more than auditBusyPerSecond are stored, in times of what it took",
    "the rest is recounted later",
  ),
  auditMemoryMax: limit(
    10_000,
    "count",
    "Heads and ids of one partition that the auditor remembers, each",
    "older ones are not compared",
  ),

  // Retention.
  retentionIntervalMs: limit(
    300_000,
    "ms",
    "Time between two rounds in which a process looks for stored events that are over",
    "they can be read until the next round",
  ),
  retentionBatchesMax: limit(
    64,
    "count",
    "Stored batches that are removed in one transaction",
    "the rest goes in the next one",
  ),
  retentionPauseMs: limit(
    50,
    "ms",
    "Time between two transactions that remove stored events",
    "the next one",
  ),

  // Dead letters.
  deadLetterListMax: limit(100, "count", "Dead letters of one page", "the next page has the rest"),
  deadLetterScanMax: limit(
    5_000,
    "count",
    "Dead letters of each pool that one page may look through",
    "the page ends there; the next one goes on",
  ),
  deadLetterValueCharsMax: limit(
    16 * KiB,
    "count",
    "Characters of a dead letter's value that are shown",
    "cut short; its length is said",
  ),
  deadLetterMarksMax: limit(
    100_000,
    "count",
    "Redriven dead letters that are remembered",
    "the oldest can be redriven once more without being told; they are placed once all the same",
  ),
  parkedListMax: limit(
    5_000,
    "count",
    "Parked rows of the outbox that are listed",
    "older ones are seen once newer ones are gone",
  ),

  // The ops page.
  snapshotIntervalMs: limit(
    2_000,
    "ms",
    "Time between two snapshots that a process gives of itself",
    "the ops page shows the last one",
  ),
  snapshotTtlMs: limit(
    300_000,
    "ms",
    "Time for which the snapshot of a process that vanished is kept",
    "the ops page shows it no more",
  ),
  snapshotsMax: limit(500, "count", "Processes on the ops page", "the latest are shown"),
  snapshotCharsMax: limit(64 * KiB, "count", "Characters of a snapshot", "error overloaded"),
  snapshotLagMax: limit(64, "count", "Partitions in a snapshot", "those furthest behind are shown"),
  snapshotTenantsMax: limit(50, "count", "Tenants in a snapshot", "the busiest are shown"),

  // Telling.
  metricSeriesMax: limit(
    100,
    "count",
    "Series of one metric",
    "further ones are counted and not exported; one warning",
  ),
  tenantTalliesMax: limit(
    10_000,
    "count",
    "Tenants whose messages one gateway counts one by one",
    "further ones are in the totals only",
  ),
  tenantSeriesMax: limit(
    50,
    "count",
    "Tenants on /metrics/tenants, the busiest first",
    "the others are in the totals only",
  ),
  lagIntervalMs: limit(
    1_000,
    "ms",
    "Between two looks at the log's ends, from which the pools' lag is told",
    "the lag is as old as that",
  ),
  logWatchIntervalMs: limit(
    10_000,
    "ms",
    "Between two looks at the replicas, the disks and the dead letters of the log",
    "what is told of them is as old as that",
  ),
  logLineCharsMax: limit(16 * KiB, "count", "Characters of one log line", "cut short"),
  logLinesPerSecondMax: limit(200, "per_second", "Log lines", "the next line says how many"),

  // Traces.
  traceSpansMax: limit(
    8_192,
    "count",
    "Spans of one process that wait for the trace collector",
    "further ones are dropped and counted",
  ),
  traceBatchSpansMax: limit(512, "count", "Spans of one export", "the rest goes in the next one"),
  traceLingerMs: limit(1_000, "ms", "Time that spans may wait for others", "exported"),
  traceExportTimeoutMs: limit(
    5_000,
    "ms",
    "Time for one export, its repetitions included",
    "its spans are dropped and counted",
  ),
  traceCloseMs: limit(
    1_000,
    "ms",
    "Time that a process which leaves waits for the trace collector",
    "the rest is dropped and counted",
  ),
  traceLinksMax: limit(16, "count", "Links of one span to others of its batch", "no further links"),
  traceLatePerSecond: limit(
    100,
    "per_second",
    "Messages of one process that are traced for being slow, and as many for failing",
    "further ones are counted and not traced",
  ),
  traceClientsPerSecond: limit(
    200,
    "per_second",
    "Messages of one gateway that are sampled since their clients say so",
    "further ones are sampled like all others",
  ),

  // Leaving.
  drainDeadlineMs: limit(10_000, "ms", "Time from SIGTERM to the end of the process", "exit"),
  drainJitterMs: limit(
    5_000,
    "ms",
    "Spread of the reconnects after a drain",
    "clients wait a random part of it",
  ),
} as const satisfies Record<string, Limit>;
