import { expect } from "bun:test";
import type { Consumer, EventLog } from "../../src/ports/event-log.ts";
import type { TopicSpec } from "../../src/topics.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import type { CollectingHandler } from "../support/collecting-handler.ts";

/** A log to be tested, and what tests need to do to it from outside. */
export interface EventLogHarness {
  readonly log: EventLog;
  /** Closes the log and opens it again on what it kept. */
  reopen(): Promise<EventLog>;
  /** Lets records grow older by this time and applies retention. */
  ageBy(ms: number): Promise<void>;
  /**
   * The next append to the topic, of `LARGE_CHARS`, fails as retriable and is not in the log; small
   * ones would be taken. Ends with the returned call.
   */
  failLargeAppend?(topic: string): Promise<() => Promise<void>>;
  dispose(): Promise<void>;
}

/** What a log cannot be tested for here, each with the reason. */
export interface EventLogLacks {
  /** That a topic is bounded by its size at the moment `ageBy` is called. */
  readonly sizeRetention?: string;
  /** That one append fails while others would be taken. */
  readonly failingAppend?: string;
  /** That partitions which are let go move one by one. */
  readonly singleRevocation?: string;
}

/** Of an append that `failLargeAppend` is about. */
export const LARGE_CHARS = 512 * 1024;

export const HOUR_MS = 3_600_000;

export function spec(name: string, partitions = 1, retentionMs = HOUR_MS): TopicSpec {
  return { name, partitions, retentionMs };
}

export function record(value: unknown, key = "general"): LogRecord {
  return { key, headers: { tidegate: "1 1 abc", other: "x y" }, value: JSON.stringify(value) };
}

export function records(from: number, count: number): LogRecord[] {
  return Array.from({ length: count }, (_, i) => record(from + i));
}

/** 0, 1, 2 … */
export const numbers = (count: number) => Array.from({ length: count }, (_, i) => i);

/** Page by page to the end; a page may be smaller than asked for, but not empty before the end. */
export async function readAll(
  log: EventLog,
  topic: string,
  partition: number,
  from: number,
): Promise<readonly LogRecord[]> {
  const { end } = await log.range(topic, partition);
  const read: LogRecord[] = [];
  for (let at = from; at < end;) {
    const batch = await log.read(topic, partition, at, 1_500);
    expect(batch.records.length).toBeGreaterThan(0);
    expect(batch.records.length).toBeLessThanOrEqual(1_500);
    read.push(...batch.records);
    at = batch.nextOffset;
  }
  return read;
}

/** Opens logs for tests and lets go of everything after each. */
export class EventLogKit {
  readonly name: string;
  readonly lacks: EventLogLacks;
  private readonly factory: () => Promise<EventLogHarness>;
  private harnesses: EventLogHarness[] = [];
  private consumers: Consumer[] = [];

  constructor(name: string, factory: () => Promise<EventLogHarness>, lacks: EventLogLacks = {}) {
    this.name = name;
    this.lacks = lacks;
    this.factory = factory;
  }

  async open(...specs: TopicSpec[]): Promise<{ harness: EventLogHarness; log: EventLog }> {
    const harness = await this.factory();
    this.harnesses.push(harness);
    for (const topic of specs) await harness.log.createTopic(topic);
    return { harness, log: harness.log };
  }

  async join(
    log: EventLog,
    handler: CollectingHandler,
    topics: readonly string[],
    member = "m1",
    group = "g",
  ): Promise<Consumer> {
    const consumer = await log.consume({ group, member, topics, handler });
    this.consumers.push(consumer);
    return consumer;
  }

  async dispose(): Promise<void> {
    await Promise.all(this.consumers.splice(0).map((consumer) => consumer.close()));
    await Promise.all(this.harnesses.splice(0).map((harness) => harness.dispose()));
  }
}
