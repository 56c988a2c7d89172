import { expect } from "bun:test";
import { Ingest } from "../../../gateway/ingest/ingest.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../../src/adapters/system/digest.ts";
import { limitsWith, type Limits } from "../../../src/limits.ts";
import type { Identity } from "../../../src/ports/authenticator.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import { ingestReplySchema, type IngestReply } from "../../../src/wire/http.ts";
import type { LogRecord } from "../../../src/wire/record.ts";
import { ANA, createHttpRig } from "../http.ts";
import { startMemoryGateway } from "./memory-gateway.ts";
import { freshKey } from "./sending.ts";

const PARTITIONS = 3;
const LINES = { "Content-Type": "application/x-ndjson" };

export interface MemoryIngestOptions {
  readonly limits?: Partial<Limits>;
  readonly identity?: Partial<Identity>;
  readonly failover?: Parameters<typeof startMemoryGateway>[2];
  /** What the events of other types than chat's are appended to, in place of the memory log. */
  readonly wrap?: (log: EventLog) => EventLog;
}

/** `POST /v1/events` over a memory log whose faults can be chosen. */
export async function startMemoryIngest(options: MemoryIngestOptions = {}) {
  const limits = limitsWith(options.limits);
  const digest = createSystemDigest();
  const memory = await startMemoryGateway(limits, digest, options.failover);
  const { gateway, catalog, telemetry } = memory;
  const log = options.wrap?.(memory.log) ?? memory.log;
  const ingest = new Ingest({
    gateway,
    log,
    catalog,
    clock: createSystemClock(),
    digest,
    limits,
    telemetry,
    source: "gateway/test",
    partitionsMax: PARTITIONS,
  });
  const identity: Identity = {
    ...ANA,
    capabilities: { "*": ["send", "publish"] },
    ...options.identity,
  };
  const http = createHttpRig({
    ingest,
    limits,
    authenticator: { authenticate: () => Promise.resolve(identity) },
  });
  return {
    ...memory,
    /** POST /v1/events as lines, unless the headers say otherwise. */
    post: (
      body: string | Uint8Array<ArrayBuffer> | ReadableStream<Uint8Array>,
      headers: Record<string, string> = {},
      query = "",
    ) => http.post(`/v1/events${query}`, "", { body, headers: { ...LINES, ...headers } }),
    /** The whole of a topic, by partition. */
    async records(topic: string): Promise<(readonly LogRecord[])[]> {
      const info = await memory.log.describeTopic(topic);
      const partitions = Array.from({ length: info?.partitions ?? 0 }, (_, i) => i);
      return Promise.all(
        partitions.map(async (partition) => {
          const { start, end } = await memory.log.range(topic, partition);
          if (start === end) return [];
          return (await memory.log.read(topic, partition, start, 1_000_000)).records;
        }),
      );
    },
  };
}

export async function replyIn(response: Response): Promise<IngestReply> {
  return (await response.json()) as IngestReply;
}

/** Event lines, `{"n":i}` for i from 0, by key. */
export function eventLines(
  count: number,
  keyOf: (i: number) => string = (i) => `key-${i % 10}`,
  type = "analytics.test",
): string {
  let text = "";
  for (let i = 0; i < count; i++)
    text += `{"type":"${type}","key":"${keyOf(i)}","id":"id-${i}","payload":{"n":${i}}}\n`;
  return text;
}

/** The numbers of {@link eventLines} in a partition's records, in order. */
export function numbersIn(records: readonly LogRecord[]): number[] {
  return records.map(({ value }) => (JSON.parse(value) as { payload: { n: number } }).payload.n);
}

/** A body in chunks; `ended` tells how many were taken. */
export function chunked(chunks: Iterable<string>): {
  readonly stream: ReadableStream<Uint8Array>;
  readonly taken: () => number;
} {
  const encoder = new TextEncoder();
  const iterator = chunks[Symbol.iterator]();
  let taken = 0;
  const stream = new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        const next = iterator.next();
        if (next.done === true) controller.close();
        else {
          taken++;
          controller.enqueue(encoder.encode(next.value));
        }
      },
    },
    { highWaterMark: 0 },
  );
  return { stream, taken: () => taken };
}

export const line = (fields: object): string => `${JSON.stringify(fields)}\n`;
export const chat = (conversation: string, content: object = {}): string =>
  line({ send: { conversation, key: freshKey(), attempt: 1, content } });

/** Every line up to the last one told is kept or refused, each once. */
export function expectExact(reply: IngestReply, blanks = 0): void {
  ingestReplySchema.parse(reply);
  const refused = reply.faults.flatMap(({ lines }) => lines).map(([from, to]) => to - from + 1);
  const kept = reply.kept.map(({ count }) => count);
  const sum = (all: readonly number[]): number => all.reduce((a, b) => a + b, 0);
  expect(sum(kept)).toBe(reply.accepted);
  expect(reply.accepted + sum(refused) + blanks).toBe(reply.lines);
}

/** So much could be read meanwhile that it would show. */
export async function manyTurns(): Promise<void> {
  for (let i = 0; i < 500; i++) await new Promise<void>((resolve) => setImmediate(resolve));
}
