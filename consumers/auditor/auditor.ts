import { asAppError } from "../../src/errors.ts";
import { piecesOf } from "../../src/group/pieces.ts";
import type { Limits } from "../../src/limits.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type {
  Consumer,
  ConsumerHandler,
  EventLog,
  RecordBatch,
} from "../../src/ports/event-log.ts";
import type { EventFeed, MessageStore } from "../../src/ports/message-store.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import { isPlacedIn, locateIn } from "../locate.ts";
import type { PoolPosition, WatchedPool } from "../watch/lag-watch.ts";
import { findExpired } from "./expired.ts";
import { PlacedRange } from "./placed-range.ts";
import { Recount, type Recounted, type Unplaced } from "./recount.ts";
import { Restarts } from "./restarts.ts";
import { StoredLook } from "./stored-look.ts";
import { Turns } from "./turns.ts";

const AUDITOR_POOL = "auditor";

export interface AuditorOptions {
  readonly member: string;
  readonly log: EventLog;
  readonly store: EventFeed & Pick<MessageStore, "findIds" | "heads">;
  readonly catalog: TenantCatalog;
  readonly clock: Clock;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
}

export interface Auditor extends WatchedPool {
  close(): Promise<void>;
}

/** What one look at a batch compares. */
interface Piece {
  readonly batch: RecordBatch;
  readonly placed: PlacedRange;
  /** Of the assignment that the batch came with. */
  readonly recount: Recount;
  compared: Compared | undefined;
}

interface Compared {
  readonly found: Recounted;
  /** Offsets that were removed since their time was over. */
  readonly expired: number;
}

const STORE_WAIT_MS = 250;
const PIECE_RECORDS = 128;

/**
 * Reads the raw log behind the delivery pool and recounts it against the store: every record must be
 * placed once, in its conversation's order, or be a repeat or a refusal. It goes at a bounded pace,
 * so that it costs the delivery nothing that matters, and exports totals that must all stay zero.
 */
export async function startAuditor(options: AuditorOptions): Promise<Auditor> {
  const { log, store, catalog, clock, limits, telemetry } = options;
  /** Of the partitions that are owned; a new one whenever one is assigned. */
  const recounts = new Map<string, Recount>();
  const positions = new Map<string, PoolPosition>();
  const chains = new Map<string, Promise<void>>();
  const counter = (name: string, help: string) =>
    telemetry.counter({ name: `tidegate_audit_${name}_total`, help });
  const metrics = {
    records: counter("records", "Raw records that were recounted"),
    lost: counter("lost", "Records that are neither placed nor repeated nor refused"),
    duplicate: counter("duplicate", "Message ids that were placed twice"),
    reordered: counter("reordered", "Events whose seq does not follow the one before"),
    altered: counter("altered", "Placed events that are not the record at their offset"),
    skipped: counter("skipped", "Offsets that expired before they were recounted"),
  };
  let closed = false;
  const nameOf = (topic: string, partition: number) => `${topic}/${partition}`;
  const look = new StoredLook({
    store,
    clock,
    everyMs: STORE_WAIT_MS,
    busyPerSecond: limits.auditBusyPerSecond,
  });
  const turns = new Turns(limits.auditAtOnceMax);
  const pause = (ms: number) => new Promise<void>((resolve) => void clock.after(ms, resolve));

  /** Whether the assignment that a batch came with is still there, and not another one in its place. */
  const isMine = ({ topic, partition }: RecordBatch, recount: Recount): boolean =>
    !closed && recounts.get(nameOf(topic, partition)) === recount;

  /** Resolves when the store has a batch: false when the partition was revoked before. */
  async function isStored(batch: RecordBatch, recount: Recount): Promise<boolean> {
    for (;;) {
      if (!isMine(batch, recount)) return false;
      if (!look.isOld && look.has(batch, batch.nextOffset)) return true;
      await look.next();
    }
  }

  async function audit(piece: Piece): Promise<void> {
    const { batch } = piece;
    if (!(await isStored(batch, piece.recount))) return;
    await turns.run(async () => {
      const startedAt = clock.monotonic();
      await recountOne(piece);
      // A piece of one record costs the store as much as a large one, and there may be thousands.
      if (look.isBusy && !closed)
        await pause((clock.monotonic() - startedAt) * limits.auditBusyRest);
    });
    const { auditRecordsPerSecond, auditRecordsPerSecondBusy } = limits;
    const pace = look.isBusy ? auditRecordsPerSecondBusy : auditRecordsPerSecond;
    await pause((batch.records.length * 1_000) / pace);
  }

  async function recountOne(piece: Piece): Promise<void> {
    const { batch } = piece;
    const { topic, partition, nextOffset } = batch;
    // Not twice where it is tried again: what comparing remembers has moved on.
    const { found, expired } = (piece.compared ??= await compare(piece));
    const lost = await lostOf(batch, found.unplaced);
    // From here on nothing fails, so that all of a piece is counted, and once.
    metrics.skipped.value += expired;
    metrics.records.value += batch.records.length;
    metrics.reordered.value += found.reordered;
    metrics.duplicate.value += found.duplicated;
    metrics.altered.value += found.altered;
    metrics.lost.value += lost.length;
    const name = nameOf(topic, partition);
    for (const { offset, id } of lost)
      telemetry.log("error", "a record was lost", { partition: name, offset, id });
    if (isMine(batch, piece.recount)) positions.set(name, { topic, partition, nextOffset });
    await keepPlace(batch);
  }

  async function compare({ batch, placed, recount }: Piece): Promise<Compared> {
    const events = await placed.piece(batch.offsets[0] ?? batch.nextOffset, batch.nextOffset);
    const expired = await findExpired(store, batch, events, locateIn(batch.topic));
    const found = recount.compare(batch.records, batch.offsets, events, expired);
    return { found, expired: expired.size };
  }

  /** Those that are neither a repeat nor a refused conflict, which have the id of a placed record. */
  async function lostOf(
    { topic, partition }: RecordBatch,
    unplaced: readonly Unplaced[],
  ): Promise<readonly Unplaced[]> {
    if (unplaced.length === 0) return unplaced;
    const ids = unplaced.map(({ id }) => id);
    const known = await store.findIds({ topic, partition }, ids);
    const lost: Unplaced[] = [];
    for (const one of unplaced)
      if (!known.has(one.id) && (await belongs(topic, one.key))) lost.push(one);
    return lost;
  }

  /** The next piece's place stands for this one's, so it is not tried again. */
  async function keepPlace({ topic, partition, nextOffset }: RecordBatch): Promise<void> {
    try {
      await consumer.commit(topic, partition, nextOffset);
    } catch (error) {
      if (closed) return;
      telemetry.log("warn", "the audit's place was not kept", {
        topic,
        partition,
        error: asAppError(error).message,
      });
    }
  }

  /** Whether a record is one of ours; what others write into a topic is refused. */
  async function belongs(topic: string, key: string): Promise<boolean> {
    const place = locateIn(topic)(key);
    if (place === undefined) return false;
    return (await isPlacedIn(topic, catalog)?.(place.tenant)) ?? true;
  }

  async function auditUntilDone(piece: Piece): Promise<void> {
    const { topic, partition } = piece.batch;
    while (isMine(piece.batch, piece.recount)) {
      try {
        await audit(piece);
        return;
      } catch (error) {
        telemetry.log("warn", "the audit waits", {
          topic,
          partition,
          error: asAppError(error).message,
        });
        await pause(STORE_WAIT_MS);
      }
    }
  }

  const restarts = new Restarts(clock, (topic, partition) => consumer.restart(topic, partition));
  const letGo = (topic: string, partition: number): void => {
    const name = nameOf(topic, partition);
    recounts.delete(name);
    positions.delete(name);
    restarts.forget(topic, partition);
  };

  const handler: ConsumerHandler = {
    async assigned(topic, partition) {
      const name = nameOf(topic.name, partition);
      look.forget(topic.name, partition);
      const committed = await log.committed(AUDITOR_POOL, topic.name, partition);
      const { start, end } = await log.range(topic.name, partition);
      const from = committed ?? start;
      if (from < start) metrics.skipped.value += start - from;
      recounts.set(name, new Recount(limits.auditMemoryMax));
      // Beyond the end: what was recounted was cut off, which the delivery pool does not overlook.
      const nextOffset = Math.min(Math.max(start, from), end);
      positions.set(name, { topic: topic.name, partition, nextOffset });
      return nextOffset;
    },
    records(batch) {
      const name = nameOf(batch.topic, batch.partition);
      const recount = recounts.get(name);
      if (recount === undefined) return;
      restarts.forget(batch.topic, batch.partition);
      // One batch at a time: what follows stays in the log, but for what is on its way already.
      consumer.pause(batch.topic, batch.partition);
      const mine = (chains.get(name) ?? Promise.resolve()).then(async () => {
        // Small pieces, since each is compared on the thread that has the sockets.
        const placed = new PlacedRange({
          store,
          partition: batch,
          first: batch.offsets[0] ?? batch.nextOffset,
          end: batch.nextOffset,
          pageEventsMax: limits.feedPageEventsMax,
        });
        for (const piece of piecesOf(batch, PIECE_RECORDS))
          await auditUntilDone({ batch: piece, placed, recount, compared: undefined });
      });
      chains.set(name, mine);
      void mine.then(() => {
        if (chains.get(name) !== mine) return;
        chains.delete(name);
        if (!closed && recounts.has(name)) consumer.resume(batch.topic, batch.partition);
      });
    },
    revoked(topic, partition) {
      letGo(topic, partition);
      return Promise.resolve();
    },
    lost: letGo,
    failed(topic, partition, error) {
      if (closed) return;
      telemetry.log("error", "the audit cannot read", { topic, partition, error: error.message });
      if (partition >= 0) restarts.failed(topic, partition);
    },
  };

  const consumer: Consumer = await log.consume({
    group: AUDITOR_POOL,
    member: options.member,
    topics: catalog.topics(),
    handler,
  });
  const refresh = (): void => {
    consumer.setTopics(catalog.topics()).catch((error: unknown) => {
      telemetry.log("error", "new topics could not be audited", {
        error: asAppError(error).message,
      });
    });
  };
  const unwatch = catalog.watch(refresh);
  refresh();
  return {
    positions: () => positions.values(),
    async close() {
      closed = true;
      restarts.close();
      unwatch();
      await consumer.close();
    },
  };
}
