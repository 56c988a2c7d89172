import type { ErrorCode } from "../../errors.ts";
import type { TopicSpec } from "../../topics.ts";

/** An offset of one partition of a numbered topic. */
export interface PartitionOffset {
  readonly topic: number;
  readonly partition: number;
  readonly offset: number;
}

/** An error on its way between threads. */
export interface Fault {
  readonly code: ErrorCode;
  readonly message: string;
}

/** Appends that are flushed together: the same index in each list is one row. */
export interface CommitRequest {
  readonly kind: "commit";
  /** Another commit had no answer yet: when that one fails, this one must too. */
  readonly behind: boolean;
  readonly time: number;
  readonly topics: number[];
  readonly partitions: number[];
  readonly counts: number[];
  /** Bytes of each row's text in `buffer`, where they stand one behind the other. */
  readonly lengths: number[];
  /** UTF-8; moved to the writer, and back with its reply. */
  readonly buffer: ArrayBuffer;
}

export type WriterRequest =
  | {
      readonly kind: "open";
      readonly path: string;
      readonly synchronous: "FULL" | "OFF";
      readonly ends: readonly PartitionOffset[];
      /** What the write-ahead log has already. */
      readonly walBytes: number;
    }
  | CommitRequest
  /** Goes on in the next segment, which is there already. */
  | { readonly kind: "roll"; readonly path: string }
  /** For tests of a full disk: how many pages the segment may have. */
  | { readonly kind: "limit"; readonly pagesMax: number }
  | { readonly kind: "close" };

/** Answers come in the order of the requests. */
export interface WriterReply {
  readonly fault?: Fault;
  /** Of a commit: ms of the transaction with its flush. */
  readonly flushMs: number;
  /** Bytes of the segment's write-ahead log now. */
  readonly walBytes: number;
  /** That of a commit, to be used again. */
  readonly buffer?: ArrayBuffer;
}

export interface KeptTopic {
  readonly id: number;
  readonly incarnation: string;
  readonly spec: TopicSpec;
}

export interface KeptOffset extends PartitionOffset {
  readonly group: string;
}

/** What the keeper found in the folder. */
export interface OpenedLog {
  readonly topics: readonly KeptTopic[];
  readonly starts: readonly PartitionOffset[];
  readonly ends: readonly PartitionOffset[];
  readonly committed: readonly KeptOffset[];
  readonly live: SegmentPlace;
  /** Of records in the live segment. */
  readonly liveBytes: number;
  readonly size: LogSize;
}

export interface SegmentPlace {
  readonly number: number;
  readonly path: string;
}

export interface LogSize {
  readonly segments: number;
  readonly bytes: number;
}

export interface ReadRequest {
  readonly topic: number;
  readonly partition: number;
  readonly offset: number;
  /** Nothing from here on: it may not be acknowledged yet. */
  readonly end: number;
  readonly recordsMax: number;
  readonly charsMax: number;
}

/** Rows that follow each other; the first may begin below the offset that was asked for. */
export interface ReadReply {
  readonly base: number;
  readonly counts: readonly number[];
  readonly texts: readonly string[];
}

export interface RetainReply {
  readonly starts: readonly PartitionOffset[];
  readonly size: LogSize;
  readonly deleted: number;
}

/** The keeper's calls, by name: argument and answer. */
export interface KeeperCalls {
  open: { ask: { readonly folder: string; readonly readersOpenMax: number }; answer: OpenedLog };
  createTopic: {
    ask: { readonly spec: TopicSpec; readonly incarnation: string };
    answer: KeptTopic;
  };
  deleteTopic: { ask: { readonly id: number }; answer: null };
  saveOffsets: { ask: readonly KeptOffset[]; answer: null };
  prepare: {
    /** `reserveBytes`: what its write-ahead log gets ahead of need. */
    ask: { readonly number: number; readonly reserveBytes: number };
    answer: SegmentPlace;
  };
  seal: { ask: { readonly number: number }; answer: LogSize };
  read: { ask: ReadRequest; answer: ReadReply };
  retain: { ask: { readonly now: number }; answer: RetainReply };
  close: { ask: null; answer: null };
}

export type KeeperCall = keyof KeeperCalls;

export interface KeeperRequest {
  readonly id: number;
  readonly call: KeeperCall;
  readonly ask: unknown;
}

export type KeeperReply =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly fault: Fault };
