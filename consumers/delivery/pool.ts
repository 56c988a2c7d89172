import { asAppError, type AppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import { backoffMs } from "../../src/policy/backoff.ts";
import type { Backplane } from "../../src/ports/backplane.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Consumer, ConsumerHandler, EventLog, TopicInfo } from "../../src/ports/event-log.ts";
import type { MessageStore } from "../../src/ports/message-store.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import type { Tracing } from "../../src/ports/tracer.ts";
import { logSystem } from "../../src/tracing/attributes.ts";
import { Traces } from "../../src/tracing/traces.ts";
import { DeadLetters } from "../dead-letter.ts";
import { isPlacedIn, locateIn } from "../locate.ts";
import type { WatchedPool } from "../watch/lag-watch.ts";
import { Instants } from "./instants.ts";
import { deliveryMetrics } from "./metrics.ts";
import { PartitionWorker } from "./partition-worker.ts";
import { PoolFaults } from "./pool-faults.ts";
import { Rest } from "./rest.ts";
import { Rounds } from "./rounds.ts";

export const DELIVERY_POOL = "delivery";
const RETRY = { firstMs: 50, maxMs: 5_000 };

export interface DeliveryPoolOptions {
  readonly member: string;
  readonly log: EventLog;
  readonly store: MessageStore;
  readonly backplane: Backplane;
  readonly catalog: TenantCatalog;
  readonly clock: Clock;
  readonly random: Random;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  /** Of the hash of ids, so that nobody can choose ones that fall together; 32 bits. */
  readonly hashSeed?: number;
  /** Undefined: nothing is traced. */
  readonly tracing?: Tracing | undefined;
}

/** One member of the delivery group, with a worker for each partition that it owns. */
export interface DeliveryPool extends WatchedPool {
  /**
   * Partitions that stand still until an operator decides, with the reason; and topics, or the group,
   * while they cannot be used at all.
   */
  halted(): ReadonlyMap<string, AppError>;
  /** Partitions that it owns and has not taken yet. */
  starting(): number;
  /** Whether the group knows this member; of no topic there is no need for it to. */
  isMember(): boolean;
  /** Stores what is placed and leaves the group. */
  close(): Promise<void>;
}

/** Joins the group and delivers until closed. */
export async function startDeliveryPool(options: DeliveryPoolOptions): Promise<DeliveryPool> {
  const { log, store, backplane, catalog, clock, random, limits, telemetry } = options;
  const workers = new Map<string, PartitionWorker>();
  const halted = new Map<string, AppError>();
  const faults = new PoolFaults();
  const starting = new Set<PartitionWorker>();
  const metrics = deliveryMetrics(telemetry, clock);
  const deadLetters = new DeadLetters(log, DELIVERY_POOL, clock);
  const backoff = (attempt: number) => backoffMs(attempt - 1, random.next(), RETRY);
  const instants = new Instants(clock, limits.storeLingerMs);
  const rest = new Rest(clock, limits, metrics.storeRests);
  const beats = new Rounds(clock, limits.beatIntervalMs);
  const { hashSeed = 0 } = options;
  const { tracing } = options;
  const trace = tracing && {
    traces: new Traces({ tracing, clock, limits, telemetry }),
    system: logSystem(log.durability),
    group: DELIVERY_POOL,
  };
  const nameOf = (topic: string, partition: number) => `${topic}/${partition}`;
  const leaving = Promise.withResolvers<void>();
  let isLeaving = false;

  const halt = (name: string, error: AppError) => {
    halted.set(name, error);
    metrics.halted.value++;
    telemetry.log("error", "a partition is halted", {
      partition: name,
      code: error.code,
      error: error.message,
    });
  };

  const startWorker = async (topic: TopicInfo, partition: number): Promise<number> => {
    const name = nameOf(topic.name, partition);
    for (let attempt = 1; ; attempt++) {
      const worker = new PartitionWorker({
        topic,
        partition,
        locate: locateIn(topic.name),
        isPlaced: isPlacedIn(topic.name, catalog),
        log,
        store,
        backplane,
        deadLetters,
        consumer: () => consumer,
        clock,
        limits,
        telemetry,
        metrics,
        instants,
        rest,
        beats,
        backoff,
        hashSeed,
        trace,
        halted: (error) => halt(name, error),
      });
      workers.set(name, worker);
      starting.add(worker);
      try {
        const from = await worker.start();
        halted.delete(name);
        return from;
      } catch (cause) {
        worker.abandon();
        const error = asAppError(cause);
        if (!error.retriable || error.code === "internal") {
          halt(name, error);
          throw error;
        }
        telemetry.log("warn", "a partition could not be taken, trying again", {
          partition: name,
          code: error.code,
        });
        await Promise.race([
          new Promise<void>((resolve) => clock.after(backoff(attempt), resolve)),
          leaving.promise,
        ]);
        if (isLeaving || workers.get(name) !== worker) throw error;
      } finally {
        starting.delete(worker);
      }
    }
  };

  const handler: ConsumerHandler = {
    assigned: (topic, partition) => {
      faults.readable(topic.name);
      workers.get(nameOf(topic.name, partition))?.abandon();
      return startWorker(topic, partition);
    },
    records(batch) {
      faults.readable(batch.topic);
      workers.get(nameOf(batch.topic, batch.partition))?.records(batch);
    },
    async revoked(topic, partition) {
      const name = nameOf(topic, partition);
      const worker = workers.get(name);
      workers.delete(name);
      halted.delete(name);
      // In standalone the gateway's drain and the server's end come before it in the same time.
      await worker?.stop(limits.drainDeadlineMs / 4);
    },
    lost(topic, partition) {
      const name = nameOf(topic, partition);
      workers.get(name)?.abandon();
      workers.delete(name);
      halted.delete(name);
    },
    failed(topic, partition, error) {
      // A partition that could not be taken before the end needs nobody.
      if (isLeaving) return;
      const fault = asAppError(error);
      const name = nameOf(topic, partition);
      if (partition < 0) {
        faults.add(topic, fault, clock.monotonic());
        const fields = { topic, code: fault.code, error: fault.message };
        const what = topic === "" ? "the consumer group" : "a topic";
        telemetry.log("error", `${what} cannot be used`, fields);
      } else if (halted.get(name) !== fault) halt(name, fault);
    },
  };

  const consumer: Consumer = await log.consume({
    group: DELIVERY_POOL,
    member: options.member,
    topics: catalog.topics(),
    handler,
  });
  const refresh = () => {
    faults.keep(catalog.topics());
    consumer.setTopics(catalog.topics()).catch((error: unknown) => {
      telemetry.log("error", "new topics could not be taken", { error: asAppError(error).message });
    });
  };
  const unwatch = catalog.watch(refresh);
  // A topic that came between the list above and the watch.
  refresh();

  const allHalted = (): ReadonlyMap<string, AppError> =>
    new Map([...halted, ...faults.current(consumer.lastHeartbeat())]);
  const gauge = (name: string, help: string, of: (worker: PartitionWorker) => number) =>
    telemetry.gauge({ name: `tidegate_delivery_${name}`, help }, () => {
      let sum = 0;
      for (const worker of workers.values()) sum += of(worker);
      return sum;
    });
  gauge("tail_events", "Placed events that are not stored yet", (worker) => worker.tailEvents);
  gauge("heads", "Conversation heads in memory", (worker) => worker.heads);
  gauge("window_ids", "Accepted ids in memory", (worker) => worker.windowIds);
  telemetry.gauge(
    { name: "tidegate_delivery_partitions", help: "Partitions that this process owns" },
    () => workers.size,
  );
  telemetry.gauge(
    {
      name: "tidegate_delivery_partitions_starting",
      help: "Partitions of this process whose state is still read from the store",
    },
    () => starting.size,
  );
  telemetry.gauge(
    {
      name: "tidegate_delivery_partitions_halted",
      help: "Partitions of this process that stand still until an operator has looked at them",
    },
    () => allHalted().size,
  );

  return {
    *positions() {
      for (const { position } of workers.values()) if (position !== undefined) yield position;
    },
    halted: allHalted,
    starting: () => starting.size,
    isMember: () =>
      catalog.topics().length === 0 ||
      clock.monotonic() - consumer.lastHeartbeat() <= limits.sessionTimeoutMs,
    async close() {
      unwatch();
      isLeaving = true;
      leaving.resolve();
      await consumer.close();
      for (const worker of workers.values()) worker.abandon();
      workers.clear();
    },
  };
}

/** What keeps a pool from its work, for `/readyz`: partitions that stand still, with their reasons. */
export function deliveryFault(pool: DeliveryPool): string | undefined {
  const halted = [...pool.halted()].map(
    ([name, { code, message }]) => `${name}: ${code}: ${message}`,
  );
  if (halted.length > 0) return halted.join("; ");
  return pool.isMember() ? undefined : "the consumer group does not know this process";
}
