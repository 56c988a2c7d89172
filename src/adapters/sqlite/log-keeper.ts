import { readdirSync, rmSync } from "node:fs";
import { join } from "node:path";
import { AppError } from "../../errors.ts";
import type { ChunkIndex } from "./log-index.ts";
import type {
  KeeperCall,
  KeeperCalls,
  KeptTopic,
  LogSize,
  OpenedLog,
  PartitionOffset,
  ReadReply,
  ReadRequest,
  RetainReply,
  SegmentPlace,
} from "./log-messages.ts";
import { LogMeta } from "./log-meta.ts";
import { reserve } from "./log-reserve.ts";
import { isExpired, startAfterRetention } from "./log-retention.ts";
import { SegmentReader } from "./log-segment-reader.ts";
import {
  partitionKey,
  partitionOfKey,
  SEGMENT_STATE,
  segmentFile,
  segmentNumber,
  topicOfKey,
} from "./log-segment.ts";
import { checkWal } from "./log-wal-check.ts";

type Handlers = { [C in KeeperCall]: (ask: KeeperCalls[C]["ask"]) => KeeperCalls[C]["answer"] };

/**
 * Keeps the log's house in a thread of its own: recovery, reading, new segments ahead of need,
 * sealing, and retention; everything that may take long, so that appends never wait for it.
 */
export class LogKeeper {
  readonly handlers: Handlers = {
    open: ({ folder, readersOpenMax }) => this.open(folder, readersOpenMax),
    createTopic: ({ spec, incarnation }) => this.createTopic(spec, incarnation),
    deleteTopic: ({ id }) => this.deleteTopic(id),
    saveOffsets: (offsets) => (this.opened().saveCommitted(offsets), null),
    prepare: ({ number, reserveBytes }) => this.prepare(number, reserveBytes),
    seal: ({ number }) => this.seal(number),
    read: (ask) => this.read(ask),
    retain: ({ now }) => this.retain(now),
    close: () => this.close(),
  };
  private folder = "";
  private meta: LogMeta | undefined;
  private readonly topics = new Map<number, KeptTopic>();
  private readonly starts = new Map<number, number>();
  /** In order of their numbers; the last begun one is live, one prepared may follow it. */
  private readonly segments = new Map<number, SegmentReader>();
  /** Sealed ones that are open, the last read first. */
  private readonly recent: SegmentReader[] = [];
  private readersOpenMax = 1;

  private open(folder: string, readersOpenMax: number): OpenedLog {
    this.readersOpenMax = readersOpenMax;
    this.folder = folder;
    this.meta = new LogMeta(join(folder, "meta.db"));
    for (const topic of this.meta.topics()) this.topics.set(topic.id, topic);
    for (const start of this.meta.starts())
      this.starts.set(partitionKey(start.topic, start.partition), start.offset);
    const live = this.recover();
    const ends = this.endsOf(live);
    this.checkCoverage(ends);
    return {
      topics: [...this.topics.values()],
      starts: offsetsOf(this.starts),
      ends: offsetsOf(ends),
      committed: this.meta.committed(),
      live: { number: live.number, path: live.path },
      liveBytes: [...live.chunks.values()].reduce((sum, chunk) => sum + chunk.bytes, 0),
      size: this.size(),
    };
  }

  /** Opens every segment; what a crash left between two steps is brought to its end. */
  private recover(): SegmentReader {
    const numbers = readdirSync(this.folder)
      .map(segmentNumber)
      .filter((number) => number !== undefined)
      .sort((a, b) => a - b);
    for (const number of numbers) {
      const path = join(this.folder, segmentFile(number));
      checkWal(`${path}-wal`);
      const segment = new SegmentReader(number, path);
      segment.open();
      this.segments.set(number, segment);
      if (segment.state === SEGMENT_STATE.sealed) segment.close();
    }
    const begun = [...this.segments.values()].filter((s) => s.state !== SEGMENT_STATE.prepared);
    let live = begun.at(-1);
    if (live === undefined || live.state === SEGMENT_STATE.sealed) {
      if (live !== undefined) throw new AppError("log_corrupt", `${live.path} has no successor`);
      const { number } = this.prepare(this.segments.keys().next().value ?? 1, 0);
      live = this.segments.get(number) as SegmentReader;
      live.begin();
    }
    this.sealLeft();
    return live;
  }

  private endsOf(live: SegmentReader): Map<number, number> {
    const ends = new Map<number, number>();
    for (const { topic, partition, offset } of live.starts())
      ends.set(partitionKey(topic, partition), offset);
    for (const [key, chunk] of live.chunks) ends.set(key, chunk.next);
    return ends;
  }

  /** Every offset from a partition's start to its end must lie in some segment. */
  private checkCoverage(ends: ReadonlyMap<number, number>): void {
    const reached = new Map<number, number>(this.starts);
    for (const segment of this.segments.values())
      for (const [key, chunk] of segment.chunks) {
        if (!this.topics.has(chunk.topic)) continue;
        const at = reached.get(key) ?? 0;
        if (chunk.first > at)
          throw new AppError(
            "log_corrupt",
            `${segment.path} begins at offset ${chunk.first} of a partition, but ${at} is missing before it`,
          );
        reached.set(key, Math.max(at, chunk.next));
      }
    for (const [key, end] of ends) {
      const at = reached.get(key) ?? 0;
      if (this.topics.has(topicOfKey(key)) && at < end)
        throw new AppError("log_corrupt", `${this.folder}: offsets ${at} to ${end} are missing`);
    }
  }

  private createTopic(spec: KeptTopic["spec"], incarnation: string): KeptTopic {
    const topic = this.opened().saveTopic(spec, incarnation);
    this.topics.set(topic.id, topic);
    return topic;
  }

  private deleteTopic(id: number): null {
    this.opened().deleteTopic(id);
    this.topics.delete(id);
    for (const key of this.starts.keys()) if (topicOfKey(key) === id) this.starts.delete(key);
    return null;
  }

  private prepare(number: number, reserveBytes: number): SegmentPlace {
    const path = join(this.folder, segmentFile(number));
    let segment = this.segments.get(number);
    if (segment === undefined) {
      segment = new SegmentReader(number, path);
      segment.open();
      if (reserveBytes > 0) reserve(`${path}-wal`, reserveBytes);
      this.segments.set(number, segment);
    }
    return { number, path };
  }

  /** The writer has left this segment for the next one. */
  private seal(number: number): LogSize {
    const live = this.segments.get(number + 1);
    if (live?.state === SEGMENT_STATE.prepared) live.state = SEGMENT_STATE.begun;
    this.sealLeft();
    return this.size();
  }

  /** Seals every segment that was left, those that could not be sealed before included. */
  private sealLeft(): void {
    const begun = [...this.segments.values()].filter((s) => s.state === SEGMENT_STATE.begun);
    for (const segment of begun.slice(0, -1)) {
      segment.seal();
      segment.close();
    }
  }

  private read(ask: ReadRequest): ReadReply {
    const key = partitionKey(ask.topic, ask.partition);
    for (const segment of this.segments.values()) {
      const chunk = this.chunkWith(segment, key, ask);
      if (chunk === undefined) continue;
      const reply = segment.read(chunk, ask);
      this.closeLeastRead(segment);
      return reply;
    }
    throw new AppError("log_expired", `offset ${ask.offset} is gone`);
  }

  private chunkWith(segment: SegmentReader, key: number, ask: ReadRequest): ChunkIndex | undefined {
    // The index of a segment that is still written may be behind what was acknowledged.
    if (segment.state !== SEGMENT_STATE.sealed && (segment.chunks.get(key)?.next ?? 0) < ask.end)
      segment.refresh();
    const chunk = segment.chunks.get(key);
    return chunk !== undefined && ask.offset >= chunk.first && ask.offset < chunk.next
      ? chunk
      : undefined;
  }

  private closeLeastRead(segment: SegmentReader): void {
    if (segment.state !== SEGMENT_STATE.sealed || this.recent[0] === segment) return;
    const at = this.recent.indexOf(segment);
    if (at >= 0) this.recent.splice(at, 1);
    this.recent.unshift(segment);
    if (this.recent.length > this.readersOpenMax) this.recent.pop()?.close();
  }

  private retain(now: number): RetainReply {
    this.sealLeft();
    const sealed = [...this.segments.values()].filter((s) => s.state === SEGMENT_STATE.sealed);
    const moved = new Map<number, number>();
    for (const key of new Set(sealed.flatMap((segment) => [...segment.chunks.keys()]))) {
      const topic = this.topics.get(topicOfKey(key));
      if (topic === undefined) continue;
      const chunks = sealed.flatMap((segment) => segment.chunks.get(key) ?? []);
      const before = this.starts.get(key) ?? 0;
      const start = startAfterRetention(before, chunks, this.liveBytes(key), topic, now);
      if (start !== before) moved.set(key, start);
    }
    // First the new starts, then the files: a crash in between leaves files that nobody reads.
    if (moved.size > 0) this.opened().saveStarts(offsetsOf(moved));
    for (const [key, start] of moved) this.starts.set(key, start);
    const gone = sealed.filter((s) => isExpired(s.chunks.values(), this.topics, this.starts));
    for (const segment of gone) this.remove(segment);
    return { starts: offsetsOf(moved), size: this.size(), deleted: gone.length };
  }

  private liveBytes(key: number): number {
    let bytes = 0;
    for (const segment of this.segments.values()) {
      if (segment.state === SEGMENT_STATE.sealed) continue;
      segment.refresh();
      bytes += segment.chunks.get(key)?.bytes ?? 0;
    }
    return bytes;
  }

  private remove(segment: SegmentReader): void {
    segment.close();
    const at = this.recent.indexOf(segment);
    if (at >= 0) this.recent.splice(at, 1);
    this.segments.delete(segment.number);
    for (const suffix of ["-wal", "-shm", "-journal", ""])
      rmSync(segment.path + suffix, { force: true });
  }

  private size(): LogSize {
    let bytes = 0;
    for (const segment of this.segments.values()) bytes += segment.bytes;
    return { segments: this.segments.size, bytes };
  }

  private close(): null {
    for (const segment of this.segments.values()) {
      if (segment.isOpen && segment.state !== SEGMENT_STATE.sealed) segment.checkpoint();
      segment.close();
    }
    this.segments.clear();
    this.meta?.close();
    this.meta = undefined;
    return null;
  }

  private opened(): LogMeta {
    if (this.meta === undefined) throw new AppError("closed", "The log's keeper is closed");
    return this.meta;
  }
}

function offsetsOf(map: ReadonlyMap<number, number>): readonly PartitionOffset[] {
  return [...map].map(([key, offset]) => ({
    topic: topicOfKey(key),
    partition: partitionOfKey(key),
    offset,
  }));
}
