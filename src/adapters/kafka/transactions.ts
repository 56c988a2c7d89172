import {
  addPartitionsToTxnV3,
  type Connection,
  endTxnV3,
  findCoordinatorV4,
  initProducerIdV4,
  ProtocolError,
} from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { LogRecord } from "../../wire/record.ts";
import { answer } from "./answer.ts";
import { encodeBatch } from "./batch-encoder.ts";
import type { KafkaClient } from "./client.ts";
import { atLeader, retried } from "./leader-call.ts";
import { produce } from "./produce-api.ts";
import { ProducerState } from "./producer-state.ts";

/** Records for one partition, part of what is appended at once. */
export interface AtomicAppend {
  readonly topic: string;
  readonly partition: number;
  readonly records: readonly LogRecord[];
}

interface Session {
  readonly producerId: bigint;
  readonly epoch: number;
  readonly state: ProducerState;
}

const TRANSACTION = 1;
const COORDINATOR_NOT_AVAILABLE = 15;

/**
 * Appends to several partitions and topics that readers see all of or nothing (KIP-98). One at a
 * time: what a transaction costs is its round trips, and a producer has one open. Made of requests:
 * the library's producer asks for its id as if it had number 0 already, which a cluster refuses a
 * process that comes back under its transactional id.
 */
export class KafkaTransactions {
  readonly #client: KafkaClient;
  readonly #id: string;
  #session: Session | undefined;
  #turn: Promise<unknown> = Promise.resolve();
  #pending = 0;

  /** @param id the same after a restart, and no other process's: who comes last fences the others */
  constructor(client: KafkaClient, id: string) {
    this.#client = client;
    this.#id = id;
  }

  /**
   * Each partition at most once. @returns the first offset of each append
   * @throws AppError: `log_unavailable` (nobody will see any of it), `unknown_outcome`, `fenced`,
   * `overloaded` …
   */
  append(appends: readonly AtomicAppend[]): Promise<readonly number[]> {
    if (appends.length === 0 || appends.some(({ records }) => records.length === 0))
      return Promise.reject(new RangeError("An append needs at least one record"));
    const limit = this.#client.limits.transactionsPendingMax;
    if (this.#pending >= limit) {
      const what = "too many atomic appends wait";
      return Promise.reject(new AppError("overloaded", what, { limit, retryAfterMs: 500 }));
    }
    this.#pending++;
    const done = this.#turn
      .then(() => this.#append(appends))
      .finally(() => {
        this.#pending--;
      });
    this.#turn = done.catch(() => {});
    return done;
  }

  /** Resolves when what was taken has its outcome. */
  async settled(): Promise<void> {
    await this.#turn;
  }

  async #append(appends: readonly AtomicAppend[]): Promise<readonly number[]> {
    let session: Session;
    let bases: readonly number[];
    try {
      session = await this.#begin(appends);
      bases = await this.#produce(session, appends);
    } catch (error) {
      await this.#abort();
      throw kafkaAppError(error);
    }
    await this.#end(session, true);
    for (const { topic, partition, records } of appends)
      session.state.advance(topic, partition, records.length);
    return bases;
  }

  async #begin(appends: readonly AtomicAppend[]): Promise<Session> {
    const { metadata } = this.#client;
    // The coordinator would be asked for longer: it may just not know of a new topic yet.
    for (const { topic, partition } of appends)
      if (metadata.leader(topic, partition) < 0)
        await atLeader(this.#client, topic, partition, () => Promise.resolve());
    this.#session ??= await this.#open();
    const session = this.#session;
    const topics = new Map<string, number[]>();
    for (const { topic, partition } of appends)
      topics.set(topic, [...(topics.get(topic) ?? []), partition]);
    const added = [...topics].map(([name, partitions]) => ({ name, partitions }));
    // The markers of the one before may still be on their way: CONCURRENT_TRANSACTIONS, then.
    await this.#atCoordinator(async (connection) => {
      const { producerId, epoch: producerEpoch } = session;
      const transaction = { transactionalId: this.#id, producerId, producerEpoch };
      const asked = [{ ...transaction, verifyOnly: false, topics: added }];
      const { resultsByTransaction } = await answer(
        addPartitionsToTxnV3.api.async(connection, asked),
      );
      for (const { topicResults } of resultsByTransaction)
        for (const { resultsByPartition } of topicResults)
          for (const { partitionErrorCode: code } of resultsByPartition)
            if (code !== 0) throw new ProtocolError(code);
    });
    return session;
  }

  /** Rejects only when none is on its way any more: one that came behind the abort would hang. */
  async #produce(session: Session, appends: readonly AtomicAppend[]): Promise<readonly number[]> {
    const { clock, limits, settings } = this.#client;
    const placed = await Promise.allSettled(
      appends.map(async ({ topic, partition, records }) => {
        const identity = {
          ...session.state.identity(topic, partition),
          transactional: true,
        } as const;
        const batch = await encodeBatch(records, clock.now(), identity, settings.compression);
        return atLeader(this.#client, topic, partition, async (connection) => {
          const partitions = [{ topic, partition, batch }];
          const [found] = await produce(connection, partitions, limits.appendOutcomeMs, this.#id);
          if (found === undefined || found.errorCode !== 0)
            throw new ProtocolError(found?.errorCode ?? -1, found?.message ?? null);
          return found.baseOffset;
        });
      }),
    );
    return placed.map((outcome) => {
      if (outcome.status === "rejected") throw outcome.reason;
      return outcome.value;
    });
  }

  /** The session ends with it: the next one makes sure that nothing is left open. */
  async #abort(): Promise<void> {
    const session = this.#session;
    if (session === undefined) return;
    // Whether or not the coordinator hears it, the next session or the time-out aborts.
    await this.#end(session, false).catch(() => {});
    this.#session = undefined;
  }

  /** Safe to ask again: the coordinator knows the end of a producer's last transaction. */
  async #end({ producerId, epoch }: Session, committed: boolean): Promise<void> {
    let asked = false;
    try {
      await this.#atCoordinator(async (connection) => {
        asked = true;
        const ended = endTxnV3.api.async(connection, this.#id, producerId, epoch, committed);
        const { errorCode } = await answer(ended);
        if (errorCode !== 0) throw new ProtocolError(errorCode);
      });
    } catch (error) {
      this.#session = undefined;
      const refused = error instanceof AppError && error.code === "fenced";
      throw asked && !refused
        ? new AppError("unknown_outcome", (error as Error).message, { cause: error })
        : error;
    }
  }

  /** Takes the transactional id over, and aborts what an earlier owner left open. */
  async #open(): Promise<Session> {
    return this.#atCoordinator(async (connection) => {
      const { transactionTimeoutMs } = this.#client.limits;
      // The library's type leaves out that the answer may hold an error.
      const { errorCode, producerId, producerEpoch } = await answer(
        initProducerIdV4.api.async(connection, this.#id, transactionTimeoutMs),
      );
      if (errorCode !== 0) throw new ProtocolError(errorCode);
      const state = new ProducerState();
      state.use({ id: producerId, epoch: producerEpoch });
      return { producerId, epoch: producerEpoch, state };
    });
  }

  #atCoordinator<T>(call: (connection: Connection) => Promise<T>): Promise<T> {
    return retried(this.#client, this.#client.limits.transactionTimeoutMs, async () => {
      const control = await this.#client.anyConnection();
      const { coordinators } = await answer(
        findCoordinatorV4.api.async(control, TRANSACTION, [this.#id]),
      );
      const at = coordinators[0];
      if (at === undefined || at.errorCode !== 0)
        throw new ProtocolError(at?.errorCode ?? COORDINATOR_NOT_AVAILABLE);
      return call(await this.#client.connect({ host: at.host, port: at.port }, "control"));
    });
  }
}
