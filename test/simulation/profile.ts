import { limitsWith, type Limits } from "../../src/limits.ts";
import type { SeededRandom } from "./random.ts";

/** What one run is like. Each number is drawn from the seed, so that runs differ in kind. */
export interface Profile {
  /** One process that dies with its log, or several around a log that stays. */
  readonly standalone: boolean;
  /** Sends go into an outbox while the log is away; always in a cluster. */
  readonly outbox: boolean;
  readonly gateways: number;
  readonly pools: number;
  readonly partitions: number;
  readonly steps: number;
  readonly conversations: readonly string[];
  readonly clients: number;
  readonly flushDelayMs: number;
  readonly latencyMs: number;
  readonly bus: {
    readonly lost: number;
    readonly duplicated: number;
    readonly late: number;
    readonly beatLost: number;
  };
  readonly store: { readonly commit: number; readonly read: number };
  /** Chance of a fault action in one step. */
  readonly faults: number;
  readonly slowClients: number;
  readonly limits: Limits;
}

/** Every bound small enough to be reached within a few hundred steps. */
const LIMITS = limitsWith({
  windowOffsets: 24,
  headsMax: 8,
  tailEventsMax: 24,
  tailBytesMax: 12_000,
  storeBatchEventsMax: 12,
  storeLingerMs: 15,
  storeRestMs: 150,
  storeRestLagMs: 20,
  batchRecordsMax: 10,
  holdBackBytesMax: 1_200,
  holdBackTotalBytesMax: 2_400,
  outboundQueueBytesMax: 1_500,
  catchUpPageBytesMax: 1_200,
  historyWaitMs: 400,
  historyWaitSilentMs: 60,
  historyLimitMax: 5,
  historyLimitDefault: 4,
  historyBytesMax: 1_500,
  creditCommandsMax: 4,
  receiptHoldMs: 30,
  receiptHoldPerSecond: 5,
  intakeTurnBytesMax: 200,
  subscriptionsMax: 5,
  appendBatchRecordsMax: 4,
  appendBatchBytesMax: 1_500,
  appendPendingBytesMax: 4_000,
  appendWindowBytesMin: 1_000,
  appendWaitMs: 100,
  deliveryLagMs: 60,
  deliveryLagRecordsMin: 2,
  deliveryHoldMs: 80,
  appendTimeoutMs: 3_000,
  sendsPerSecondPerConnection: 20,
  sendsBurstPerConnection: 12,
  sendsPerSecondPerTenant: 25,
  sendsBurstPerTenant: 15,
  invalidCommandsMax: 8,
  heartbeatMs: 3_000,
  connectTimeoutMs: 2_000,
  hopelessAfterMs: 6_000,
  connectionsMax: 12,
  connectionsUnauthenticatedMax: 4,
  sessionTimeoutMs: 2_500,
  sessionMarginMs: 500,
  drainDeadlineMs: 2_000,
  drainJitterMs: 100,
  outboxRowsMax: 60,
  outboxBytesMax: 12_000,
  outboxGatewayRowsMax: 40,
  outboxGatewayBytesMax: 8_000,
  outboxPutRowsMax: 6,
  outboxBatchRowsMax: 5,
  outboxPartitionsMax: 2,
  outboxHoldRowsMax: 8,
});

/** @param outbox a cluster of at least two gateways with an outbox */
export function profileOf(random: SeededRandom, outbox: boolean): Profile {
  const standalone = random.chance(0.35) && !outbox;
  const calm = random.chance(0.15);
  const level = (most: number): number => (calm || random.chance(0.3) ? 0 : random.next() * most);
  const names = Array.from({ length: 4 + random.int(14) }, (_, i) => `room-${i}`);
  return {
    standalone,
    outbox,
    gateways: outbox ? 2 : standalone ? 1 : 1 + random.int(2),
    pools: standalone ? 1 : 1 + random.int(3),
    partitions: 1 + random.int(2),
    steps: 120 + random.int(240),
    conversations: names,
    clients: 3 + random.int(4),
    flushDelayMs: random.chance(0.4) ? 0 : random.between(1, 40),
    latencyMs: random.chance(0.3) ? 0 : random.between(1, 12),
    bus: { lost: level(0.3), duplicated: level(0.2), late: level(0.3), beatLost: level(0.5) },
    store: { commit: level(0.15), read: level(0.25) },
    faults: calm ? 0.01 : 0.08,
    slowClients: level(0.5),
    limits: LIMITS,
  };
}
