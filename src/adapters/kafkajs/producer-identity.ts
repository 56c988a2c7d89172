import type { LogBatch } from "../../kafka/log-batch.ts";
import type { BatchIdentity } from "./batch-writer.ts";
import type { Brokers } from "./brokers.ts";
import { assertOk } from "./protocol.ts";

interface PartitionState {
  producerId: bigint;
  epoch: number;
  /** Of the next record that is written. */
  sequence: number;
}

interface Prepared {
  readonly state: PartitionState;
  readonly epoch: number;
  readonly bytes: Buffer;
}

/** A producer id as the broker gives it. */
interface InitProducerIdAnswer {
  readonly errorCode: number;
  readonly producerId: string;
}

const EPOCH_MAX = 32_767;
const SEQUENCES = 2 ** 31;
/** Transactions are not begun under this id, so their limit is never used. */
const TRANSACTION_TIMEOUT_MS = 60_000;

/**
 * The sequence numbers of one producer, partition by partition (KIP-98). A batch keeps its bytes for
 * all its tries. Giving one up raises the partition's epoch as Java's producer does (KIP-360): once
 * a later batch was written, brokers refuse the one that was given up.
 */
export class ProducerIdentity {
  readonly #brokers: Brokers;
  readonly #timeoutMs: number;
  readonly #states = new Map<string, PartitionState[]>();
  readonly #prepared = new WeakMap<LogBatch, Prepared>();
  #producerId: bigint | undefined;
  #asking: Promise<void> | undefined;

  constructor(brokers: Brokers, timeoutMs: number) {
    this.#brokers = brokers;
    this.#timeoutMs = timeoutMs;
  }

  /** Resolves when there is an id. @throws as `Brokers.ask`, and ProtocolError */
  async ready(): Promise<void> {
    if (this.#producerId !== undefined) return;
    this.#asking ??= this.#ask().finally(() => (this.#asking = undefined));
    await this.#asking;
  }

  /** The batch's bytes: the same ones at every try. */
  bytesOf(batch: LogBatch, encode: (identity: BatchIdentity) => Buffer): Buffer {
    const known = this.#prepared.get(batch);
    if (known !== undefined) return known.bytes;
    const state = this.#stateOf(batch);
    const bytes = encode({ ...state });
    this.#prepared.set(batch, { state, epoch: state.epoch, bytes });
    return bytes;
  }

  /** The batch is in the log: the next one of its partition follows it. */
  written(batch: LogBatch): void {
    const prepared = this.#prepared.get(batch);
    // Abandoned meanwhile: the partition has begun anew.
    if (prepared === undefined || prepared.epoch !== prepared.state.epoch) return;
    prepared.state.sequence = (prepared.state.sequence + batch.records.length) % SEQUENCES;
  }

  /** Whatever becomes of the batch, the partition goes on under a higher epoch. */
  raise(batch: LogBatch): void {
    const prepared = this.#prepared.get(batch);
    if (prepared === undefined) return;
    this.#prepared.delete(batch);
    const { state } = prepared;
    if (prepared.epoch !== state.epoch) return;
    state.epoch++;
    state.sequence = 0;
    if (state.epoch >= EPOCH_MAX) this.#producerId = undefined;
  }

  #stateOf({ topic, partition }: LogBatch): PartitionState {
    const producerId = this.#producerId as bigint;
    let states = this.#states.get(topic);
    if (states === undefined) this.#states.set(topic, (states = []));
    const known = states[partition];
    if (known?.producerId === producerId) return known;
    return (states[partition] = { producerId, epoch: 0, sequence: 0 });
  }

  async #ask(): Promise<void> {
    const options = { transactionalId: null, transactionTimeout: TRANSACTION_TIMEOUT_MS };
    const call = { api: "InitProducerId", options };
    const answer = await this.#brokers.ask<InitProducerIdAnswer>(
      "admin",
      -1,
      call,
      this.#timeoutMs,
    );
    assertOk(answer.errorCode, "a producer id");
    this.#producerId = BigInt(answer.producerId);
  }
}
