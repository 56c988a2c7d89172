import type { Folded, Placed, Refused } from "../../src/chat/sequencer.ts";
import type { Limits } from "../../src/limits.ts";
import type { RecordBatch } from "../../src/ports/event-log.ts";
import type { SpanAttributes, SpanLink } from "../../src/ports/tracer.ts";
import {
  destinationTemplate,
  placeAttributes,
  storeAttributes,
  type LogSystem,
} from "../../src/tracing/attributes.ts";
import { batchLinks } from "../../src/tracing/links.ts";
import type { Traces } from "../../src/tracing/traces.ts";
import { eventIdOf } from "../../src/wire/event.ts";
import { verdictOf as verdictOfRecord } from "../../src/wire/message-record.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { stampOf } from "../../src/wire/stamp.ts";
import { derivedContext, traceContextOf, type TraceContext } from "../../src/wire/trace-context.ts";
import { TracedFold, type TracedEvent } from "./traced-fold.ts";

export interface WorkerTraceOptions {
  readonly traces: Traces;
  readonly limits: Limits;
  readonly system: LogSystem;
  readonly group: string;
  readonly topic: string;
  readonly partition: number;
}

/** A record of a fold that is traced. */
interface Followed {
  /** Undefined for a record that has none. */
  readonly id: string | undefined;
  readonly offset: number;
  /** Of the span that created it. */
  readonly parent: TraceContext;
  readonly placed: Placed | undefined;
  readonly refused: Refused | undefined;
  readonly late: "slow" | "failed" | undefined;
}

/** Traces the records of one partition from their log to its outputs. Costs one branch a batch. */
export class WorkerTrace {
  readonly #options: WorkerTraceOptions;
  readonly #shared: SpanAttributes;
  readonly #store: SpanAttributes;
  readonly #template: string;
  readonly #name: string;
  /** Monotonic ms, of the batches that wait; they are folded in the order in which they came. */
  readonly #receivedAt: number[] = [];

  constructor(options: WorkerTraceOptions) {
    const { system, topic, partition, group } = options;
    this.#options = options;
    this.#shared = {
      ...placeAttributes(system, topic, partition),
      "messaging.operation.name": "process",
      "messaging.operation.type": "process",
      "messaging.consumer.group.name": group,
    };
    this.#store = storeAttributes(system);
    this.#template = destinationTemplate(topic);
    this.#name = `process ${this.#template}`;
  }

  /** A batch came, which {@link folded} will be told of once. */
  received(): void {
    this.#receivedAt.push(this.#options.traces.now());
  }

  /** @returns undefined for most batches, of which nothing is traced */
  folded(batch: RecordBatch, folded: Folded): TracedFold | undefined {
    const receivedAt = this.#receivedAt.shift();
    const followed = this.#follow(batch, folded);
    if (followed.length === 0) return undefined;
    const { traces, limits } = this.#options;
    const now = traces.now();
    const startedAt = traces.at(receivedAt ?? now);
    const foldedAt = traces.at(now);
    const count = batch.packed?.length ?? batch.offsets.length;
    const parents = followed.map(({ parent }) => parent);
    const events: TracedEvent[] = [];
    followed.forEach((one, i) => {
      const links = batchLinks(parents, i, limits.traceLinksMax);
      const spanId = this.#record(one, count, startedAt, foldedAt, links);
      const { parent, placed } = one;
      if (placed === undefined) return;
      const publishSpanId = traces.tracer.newSpanId();
      events.push({ traceId: parent.traceId, spanId, publishSpanId, placed });
    });
    return new TracedFold(folded.runs, events, {
      traces,
      linksMax: limits.traceLinksMax,
      template: this.#template,
      store: this.#store,
      foldedAt,
    });
  }

  /** The span of a verdict. @returns its id */
  #record(
    one: Followed,
    count: number,
    startedAt: number,
    endedAt: number,
    links: readonly SpanLink[] | undefined,
  ): string {
    const { tracer } = this.#options.traces;
    const { id, offset, parent, placed, refused, late } = one;
    const attributes: Record<string, string | number> = {
      "messaging.kafka.offset": offset,
      "messaging.batch.message_count": count,
      "tidegate.verdict": verdictOf(one),
    };
    if (id !== undefined) attributes["messaging.message.id"] = id;
    if (placed !== undefined) attributes["tidegate.seq"] = placed.seq;
    if (late !== undefined) attributes["tidegate.late"] = late;
    if (refused !== undefined) attributes["error.type"] = refused.code;
    const spanId = tracer.newSpanId();
    tracer.record({
      name: this.#name,
      kind: "consumer",
      traceId: parent.traceId,
      spanId,
      parentSpanId: parent.spanId,
      startedAt,
      endedAt,
      attributes,
      shared: this.#shared,
      links,
      error: refused && `refused: ${refused.code}`,
    });
    return spanId;
  }

  #follow(batch: RecordBatch, folded: Folded): readonly Followed[] {
    const { traces } = this.#options;
    const carried = carriedBy(batch);
    const [oldest] = folded.placed;
    // What was slow to get into the log was seen there; behind it all of a batch is late.
    const isLate = oldest !== undefined && traces.isSlow(stampOf(oldest.event));
    if (carried.length === 0 && folded.refused.length === 0 && !isLate) return NOBODY;
    const followed: Followed[] = [];
    const seen = new Set<number>();
    const unsampled = new Map<number, TraceContext>();
    for (const { offset, context, id } of carried) {
      if (!context.sampled) {
        unsampled.set(offset, context);
        continue;
      }
      seen.add(offset);
      followed.push({
        id,
        offset,
        parent: context,
        placed: placedAt(folded.placed, offset),
        refused: folded.refused.find((one) => one.offset === offset),
        late: undefined,
      });
    }
    this.#followRefused(folded, seen, followed);
    if (!isLate) return followed;
    let admitted = traces.admit("slow", Math.max(0, folded.placed.length - seen.size));
    for (const placed of folded.placed) {
      if (admitted === 0) break;
      const { id, offset } = placed;
      if (seen.has(offset)) continue;
      admitted--;
      followed.push({
        id,
        offset,
        parent: unsampled.get(offset) ?? derivedContext(id),
        placed,
        refused: undefined,
        late: "slow",
      });
    }
    return followed;
  }

  #placeOf(offset: number): string {
    const { topic, partition } = this.#options;
    return `${topic}/${partition}/${offset}`;
  }

  #followRefused(folded: Folded, seen: ReadonlySet<number>, followed: Followed[]): void {
    if (folded.refused.length === 0) return;
    const newlyRefused = folded.refused.filter(({ offset }) => !seen.has(offset));
    const refusedMax = this.#options.traces.admit("failed", newlyRefused.length);
    for (const refused of newlyRefused.slice(0, refusedMax)) {
      const { offset, header, record } = refused;
      const id = header?.id ?? eventIdOf(record.value);
      // One that says nothing of itself has a trace of its own by its place.
      const parent = traceContextOf(record) ?? derivedContext(id ?? this.#placeOf(offset));
      followed.push({ id, offset, parent, placed: undefined, refused, late: "failed" });
    }
  }
}

const NOBODY: readonly Followed[] = [];

/** A record's context: of those that are sampled, and of those whose clients decided against it. */
interface Carried {
  readonly offset: number;
  readonly context: TraceContext;
  readonly id: string;
}

const NONE: readonly Carried[] = [];

/** The records that carry a trace. A plain loop: this is what tracing costs every record. */
function carriedBy(batch: RecordBatch): readonly Carried[] {
  const { packed } = batch;
  if (packed === undefined) return carriedAmong(batch.records, batch.offsets);
  let carried: Carried[] | undefined;
  for (const record of packed) {
    // Nothing but the verdict's header: most records stay bytes.
    if (record.headers < 2) continue;
    const context = traceContextOf(record.decode());
    if (context !== undefined)
      (carried ??= []).push({ offset: record.offset, context, id: record.id });
  }
  return carried ?? NONE;
}

function carriedAmong(
  records: readonly LogRecord[],
  offsets: readonly number[],
): readonly Carried[] {
  let carried: Carried[] | undefined;
  for (let i = 0; i < records.length; i++) {
    const record = records[i] as LogRecord;
    const context = traceContextOf(record);
    if (context === undefined) continue;
    const id = verdictOfRecord(record)?.id ?? "";
    (carried ??= []).push({ offset: offsets[i] as number, context, id });
  }
  return carried ?? NONE;
}

function verdictOf({ placed, refused }: Followed): string {
  if (placed !== undefined) return "placed";
  return refused === undefined ? "duplicate" : "refused";
}

/** Of events in the order of their offsets; undefined for one that is not among them. */
function placedAt(placed: readonly Placed[], offset: number): Placed | undefined {
  let from = 0;
  let to = placed.length;
  while (from < to) {
    const middle = (from + to) >>> 1;
    if ((placed[middle] as Placed).offset < offset) from = middle + 1;
    else to = middle;
  }
  const found = placed[from];
  return found?.offset === offset ? found : undefined;
}
