import type { BatchIdentity } from "./batch-encoder.ts";

/** A producer id that was given by the cluster. */
export interface ProducerId {
  readonly id: bigint;
  readonly epoch: number;
}

interface PartitionState {
  producer: ProducerId;
  epoch: number;
  sequence: number;
}

/** Epochs are 16 bits in the protocol. */
const EPOCH_MAX = 32_767;
/** Sequences are 31 bits, and go on at 0. */
const SEQUENCES = 0x8000_0000;

/**
 * Where this producer is in each partition: an idempotent producer's id, epoch and sequence
 * (KIP-98). A batch that is sent again under the same three is written once, whatever became of the
 * first try.
 *
 * The epoch is raised for a partition whose batch was given up (as Java's producer does without a
 * transactional id, KIP-360): when the next batch is in the log, the broker refuses the old one, so
 * a late try cannot land behind newer records. The library's own idempotent producer takes a new id
 * instead and sends again under it, which duplicates, and lets the old try land whenever it likes.
 */
export class ProducerState {
  #producer: ProducerId | undefined;
  readonly #partitions = new Map<string, PartitionState[]>();

  get producer(): ProducerId | undefined {
    return this.#producer;
  }

  /** From now on for partitions that were never written to, or were `restart`ed. */
  use(producer: ProducerId | undefined): void {
    this.#producer = producer;
  }

  /** Of the partition's next batch, or of the one that has no answer yet. */
  identity(topic: string, partition: number): BatchIdentity {
    const { producer, epoch, sequence } = this.#state(topic, partition);
    return { producerId: producer.id, producerEpoch: epoch, sequence };
  }

  /** The partition's batch of so many records is in the log. */
  advance(topic: string, partition: number, records: number): void {
    const state = this.#state(topic, partition);
    state.sequence = (state.sequence + records) % SEQUENCES;
  }

  /** The partition's batch was given up: whatever became of it, nothing older lands from now on. */
  raiseEpoch(topic: string, partition: number): void {
    const state = this.#partitions.get(topic)?.[partition];
    if (state === undefined) return;
    if (state.epoch < EPOCH_MAX) {
      state.epoch++;
      state.sequence = 0;
    } else this.restart(topic, partition);
  }

  /** Begins anew under the id in use: the partition's broker does not take the old one any more. */
  restart(topic: string, partition: number): void {
    delete this.#partitions.get(topic)?.[partition];
  }

  #state(topic: string, partition: number): PartitionState {
    let states = this.#partitions.get(topic);
    if (states === undefined) this.#partitions.set(topic, (states = []));
    let state = states[partition];
    if (state !== undefined) return state;
    if (this.#producer === undefined) throw new Error("there is no producer id yet");
    state = { producer: this.#producer, epoch: this.#producer.epoch, sequence: 0 };
    states[partition] = state;
    return state;
  }
}
