import type { PackedRecord } from "../wire/packed-record.ts";

/** The trace that one event of a run belongs to. */
export interface EventTrace {
  /** Of the event in its run. */
  readonly index: number;
  /** W3C Trace Context, of the span that published it. */
  readonly traceparent: string;
}

/** A run of one conversation's events, seqs without holes. */
export interface PublishedRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly firstSeq: number;
  /** The log offset of each event, rising. */
  readonly offsets: readonly number[];
  /** JSON texts, same length as `offsets`. */
  readonly events: readonly string[];
  /** Of those events that are traced, indexes rising; absent for most runs. Readers never see it. */
  readonly traces?: readonly EventTrace[] | undefined;
  /** The records of the same events, from a log that has bytes: then `events` is made when asked for. */
  readonly packed?: readonly PackedRecord[];
  /**
   * The events as the lines that readers get, joined by line feeds, from an adapter that carries them
   * so: then `events` is made when asked for.
   */
  readonly lines?: string;
}

/** What a worker tells gateways of one fold. A hint, never the truth. */
export interface Publication {
  readonly topic: string;
  readonly partition: number;
  readonly ownerEpoch: number;
  /** Counts this owner's publications of the partition from 1: a gateway sees what it missed. */
  readonly number: number;
  readonly runs: readonly PublishedRun[];
}

/** A worker's periodic word on one partition. Offsets are next offsets (exclusive). */
export interface Beat {
  readonly topic: string;
  readonly partition: number;
  readonly ownerEpoch: number;
  /** Number of the last publication. */
  readonly number: number;
  /** Everything below was published. */
  readonly publishedThrough: number;
  /** Everything below can be read in the store. */
  readonly storedThrough: number;
}

/** A word to one user's connections: a message that had its receipt was refused. */
export interface Refusal {
  readonly tenant: string;
  readonly user: string;
  readonly conversation: string;
  readonly key: string;
  readonly message: string;
  readonly code: string;
  /** Where the refused record is: the same whenever the same refusal is heard again. */
  readonly origin: string;
}

/** What a gateway hears. Calls MUST NOT throw. */
export interface BackplaneListener {
  publication(publication: Publication): void;
  beat(beat: Beat): void;
  refusal(refusal: Refusal): void;
  /** Something may have been missed: every conversation must be checked against the store. */
  interrupted(): void;
}

/** A gateway's end of the backplane. */
export interface BackplaneMember {
  /**
   * From the moment the promise resolves, publications of this conversation are heard, as well as
   * beats of its partition. Counted: as many `leave` as `join` end it.
   */
  join(tenant: string, conversation: string, topic: string, partition: number): Promise<void>;
  leave(tenant: string, conversation: string, topic: string, partition: number): void;
  joinUser(tenant: string, user: string): void;
  leaveUser(tenant: string, user: string): void;
  /**
   * Asks the partition's worker for a beat now instead of at its next interval. It is heard although
   * nothing of the partition is joined.
   */
  askBeat(topic: string, partition: number): void;
  close(): Promise<void>;
}

/**
 * Carries publications from workers to gateways. May lose, repeat and reorder; MUST NOT alter, and
 * MUST NOT give a listener what another tenant's name leads to. Publishing MUST NOT block or throw:
 * what cannot be sent is dropped and counted.
 */
export interface Backplane {
  publish(publication: Publication): void;
  beat(beat: Beat): void;
  /**
   * Unlike the rest, a refusal can be read nowhere else. While the backplane is away it MUST be kept,
   * within bounds and as long as this process lives, and said when it is back, to those who have come
   * back as well. It may be heard several times.
   */
  refuse(refusal: Refusal): void;
  /** Has `current` answer whoever asks for the partition's beat, until the returned call. */
  answerBeats(topic: string, partition: number, current: () => Beat): () => void;
  attach(listener: BackplaneListener): BackplaneMember;
  close(): Promise<void>;
}
