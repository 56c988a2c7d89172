import { KiB, limit, MiB, type Limit } from "./limit.ts";

/** What clients, sockets and readers may use of a gateway. */
export const EDGE_LIMITS = {
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
  adminGuessesPerSecond: limit(
    1,
    "per_second",
    "Wrong admin keys that one process looks at",
    "problem rate_limited",
  ),
  adminGuessesBurst: limit(20, "count", "Wrong admin keys at once", "problem rate_limited"),
  adminKnownMs: limit(
    600_000,
    "ms",
    "Time after its last use for which the admin key is taken whatever others guess",
    "it may have to wait, as a guess does",
  ),
  devTokenLifetimeMs: limit(
    86_400_000,
    "ms",
    "Life of a token of the development key",
    "problem token_expired",
  ),

  // Events over HTTP, by the stream.
  eventKeyBytesMax: limit(200, "bytes", "The key that orders an event", "error invalid_event"),
  eventIdCharsMax: limit(64, "count", "An event's own id", "error invalid_event"),
  eventTopicsMax: limit(
    256,
    "count",
    "Topics of business events that one log has, as far as a gateway makes them",
    "error forbidden for a type that would need one more",
  ),
  ingestLineBytesMax: limit(
    128 * KiB,
    "bytes",
    "One line of a body of events",
    "error content_too_large for this line",
  ),
  ingestBodyBytesMax: limit(
    1 * MiB,
    "bytes",
    "A body of events that is no stream of lines, after decompression",
    "problem content_too_large",
  ),
  ingestInflateRatioMax: limit(
    200,
    "count",
    "Bytes that one compressed byte of a body may stand for, beyond the first ingestBodyBytesMax",
    "error content_too_large; the body is read no further",
  ),
  ingestFaultsMax: limit(
    100,
    "count",
    "Lines of one body that are refused for what they are",
    "error too_many_faults; the body is read no further",
  ),
  ingestInFlightEventsMax: limit(
    8_192,
    "count",
    "Events of one body that wait for the log",
    "the body is not read meanwhile",
  ),
  ingestInFlightBytesMax: limit(
    4 * MiB,
    "bytes",
    "Characters of one body's events that wait for the log",
    "the body is not read meanwhile",
  ),
  ingestPendingBytesMax: limit(
    32 * MiB,
    "bytes",
    "Characters of all bodies' events that wait for the log in one gateway",
    "no body is read meanwhile",
  ),
  ingestBodiesMax: limit(
    512,
    "count",
    "Bodies of events that one gateway reads at the same time",
    "problem overloaded",
  ),
  ingestBodiesPerTenantMax: limit(
    128,
    "count",
    "Bodies of one tenant's events that one gateway reads at the same time",
    "problem overloaded",
  ),
  routesKnownMax: limit(
    16_384,
    "count",
    "Places of conversations that a gateway remembers, for each of their senders",
    "all are forgotten and worked out again",
  ),
  ingestRoutesMax: limit(
    1_024,
    "count",
    "Conversations and types whose place is remembered while a body is read",
    "all are forgotten and worked out again",
  ),
  ingestReceiptsBytesMax: limit(
    256 * KiB,
    "bytes",
    "Characters of receipts that a client has not read yet",
    "its body is not read meanwhile",
  ),
  ingestWaitMs: limit(
    5_000,
    "ms",
    "Time that a line waits for its tenant's rate or for room in the log",
    "its error; the body is read no further",
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
  intakeTurnBytesMax: limit(
    256 * KiB,
    "bytes",
    "Characters of frames, and 64 for each frame, that one turn of a gateway's event loop handles",
    "the others wait for the next turn, and the server stops reading their sockets",
  ),
  intakeWaitingBytesMax: limit(
    64 * MiB,
    "bytes",
    "Characters of frames, and 64 for each frame, that wait for a turn",
    "the oldest are handled at once",
  ),
  intakeWaitMs: limit(
    1_000,
    "ms",
    "Time for which frames wait while the log takes nothing of what is before them",
    "a turn's worth of them is handled",
  ),
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
    "Messages a tenant may send through all gateways together",
    "error rate_limited",
  ),
  sendsBurstPerTenant: limit(
    400_000,
    "count",
    "Messages a tenant may send at once through all gateways together",
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
    "none for this time and one more look (tailIntervalMs): new events come from the store",
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

  // Rates that gateways share.
  rateLeaseMs: limit(
    100,
    "ms",
    "Time of a tenant's full rate that a gateway takes from the shared budget at once, at least",
    "the next lease; what a larger one left over after this time goes back",
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
  historyWaitMs: limit(
    2_000,
    "ms",
    "Time that a history waits for the store while the partition's worker is heard: two beats",
    "answered with what the store has",
  ),
  historyWaitSilentMs: limit(
    200,
    "ms",
    "Time that a history waits for the store while the partition's worker is silent",
    "answered with what the store has",
  ),
  tailMax: limit(1_000, "count", "Messages back in a subscription", "error invalid_command"),
  feedPageEventsMax: limit(
    4_096,
    "count",
    "Events in one page of the feed",
    "more by the next page",
  ),
} as const satisfies Record<string, Limit>;
