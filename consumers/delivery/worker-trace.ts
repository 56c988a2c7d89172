import type { Folded, Placed, Refused, Run } from "../../src/chat/sequencer.ts";
import type { Limits } from "../../src/limits.ts";
import type { PublishedRun } from "../../src/ports/backplane.ts";
import type { RecordBatch } from "../../src/ports/event-log.ts";
import type { SpanAttributes, SpanLink } from "../../src/ports/tracer.ts";
import {
  destinationTemplate,
  placeAttributes,
  type LogSystem,
} from "../../src/tracing/attributes.ts";
import { batchLinks, linkTo, type Linked } from "../../src/tracing/links.ts";
import type { Traces } from "../../src/tracing/traces.ts";
import { MessageRecord } from "../../src/wire/message-record.ts";
import { parseVerdictHeader, type LogRecord } from "../../src/wire/record.ts";
import { stampOf } from "../../src/wire/stamp.ts";
import {
  derivedContext,
  formatTraceparent,
  TRACEPARENT,
  traceContextOf,
  type TraceContext,
} from "../../src/wire/trace-context.ts";

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
  readonly id: string;
  readonly offset: number;
  /** Of the span that created it. */
  readonly parent: TraceContext;
  readonly placed: Placed | undefined;
  readonly refused: Refused | undefined;
  readonly late: "slow" | "failed" | undefined;
}

/** What a fold leaves to be told when it is published and stored. */
export interface TracedFold {
  /** Those of the fold, with the traces of their events. */
  readonly runs: readonly PublishedRun[];
  published(): void;
  /** @param together all folds of the transaction that have traces */
  stored(together: readonly TracedFold[]): void;
  readonly links: readonly SpanLink[];
}

/** Traces the records of one partition from their log to its outputs. Costs one branch a batch. */
export class WorkerTrace {
  readonly #options: WorkerTraceOptions;
  readonly #place: SpanAttributes;
  readonly #template: string;
  readonly #receivedAt = new WeakMap<RecordBatch, number>();

  constructor(options: WorkerTraceOptions) {
    const { system, topic, partition } = options;
    this.#options = options;
    this.#place = placeAttributes(system, topic, partition);
    this.#template = destinationTemplate(topic);
  }

  received(batch: RecordBatch): void {
    this.#receivedAt.set(batch, this.#options.traces.now());
  }

  /** @returns undefined for most batches, of which nothing is traced */
  folded(batch: RecordBatch, folded: Folded): TracedFold | undefined {
    const followed = this.#follow(batch, folded);
    if (followed.length === 0) return undefined;
    const { traces, limits, group } = this.#options;
    const { tracer } = traces;
    const now = traces.now();
    const receivedAt = this.#receivedAt.get(batch) ?? now;
    const startedAt = traces.at(receivedAt);
    const endedAt = traces.at(now);
    const count = batch.packed?.length ?? batch.offsets.length;
    const parents = followed.map(({ parent }) => linkTo(parent));
    const processed = followed.map((one, i) => {
      const { id, offset, parent, placed, refused, late } = one;
      const context = { ...parent, spanId: tracer.newSpanId(), sampled: true };
      const attributes: Record<string, string | number> = {
        ...this.#place,
        "messaging.message.id": id,
        "messaging.kafka.offset": offset,
        "messaging.operation.name": "process",
        "messaging.operation.type": "process",
        "messaging.consumer.group.name": group,
        "messaging.batch.message_count": count,
        "tidegate.verdict": verdictOf(one),
      };
      if (placed !== undefined) attributes["tidegate.seq"] = placed.seq;
      if (late !== undefined) attributes["tidegate.late"] = late;
      if (refused !== undefined) attributes["error.type"] = refused.code;
      tracer.record({
        name: `process ${this.#template}`,
        kind: "consumer",
        traceId: parent.traceId,
        spanId: context.spanId,
        parentSpanId: parent.spanId,
        startedAt,
        endedAt,
        attributes,
        ...batchLinks(parents, i, limits.traceLinksMax),
        ...(refused !== undefined && { error: `refused: ${refused.code}` }),
      });
      return { context, placed, publishSpanId: tracer.newSpanId() };
    });
    const placed = processed.filter((one) => one.placed !== undefined);
    const record = (
      one: (typeof placed)[number],
      name: string,
      spanId: string,
      attributes: SpanAttributes,
      kind: "client" | "producer",
      others: Linked,
    ): void =>
      tracer.record({
        name: `${name} ${this.#template}`,
        kind,
        traceId: one.context.traceId,
        spanId,
        parentSpanId: one.context.spanId,
        startedAt: endedAt,
        endedAt: traces.at(traces.now()),
        attributes,
        ...others,
      });
    const traced: TracedFold = {
      runs: runsWith(folded.runs, placed),
      links: placed.map(({ context }) => linkTo(context)),
      published() {
        for (const one of placed)
          record(one, "publish", one.publishSpanId, PUBLISH, "producer", {});
      },
      stored(together) {
        const contexts = together.flatMap((fold) => fold.links);
        for (const one of placed) {
          const i = contexts.findIndex(({ spanId }) => spanId === one.context.spanId);
          const others = batchLinks(contexts, i, limits.traceLinksMax);
          record(one, "store", tracer.newSpanId(), STORE, "client", others);
        }
      },
    };
    return traced;
  }

  #follow(batch: RecordBatch, folded: Folded): readonly Followed[] {
    const { traces } = this.#options;
    const followed: Followed[] = [];
    const seen = new Set<number>();
    const unsampled = new Map<number, TraceContext>();
    for (const { offset, context, id } of carriedBy(batch)) {
      if (!context.sampled) {
        unsampled.set(offset, context);
        continue;
      }
      seen.add(offset);
      followed.push({
        id,
        offset,
        parent: context,
        placed: folded.placed.find((one) => one.offset === offset),
        refused: folded.refused.find((one) => one.offset === offset),
        late: undefined,
      });
    }
    const newlyRefused = folded.refused.filter(({ offset }) => !seen.has(offset));
    const refusedMax = traces.admit("failed", newlyRefused.length);
    for (const refused of newlyRefused.slice(0, refusedMax)) {
      const { offset, header, record } = refused;
      const id = header?.id ?? "";
      const parent = traceContextOf(record) ?? derivedContext(id);
      followed.push({ id, offset, parent, placed: undefined, refused, late: "failed" });
    }
    const [oldest] = folded.placed;
    // What was slow to get into the log was seen there; behind it all of a batch is late.
    if (oldest === undefined || !traces.isSlow(stampOf(oldest.event))) return followed;
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
}

const PUBLISH: SpanAttributes = {
  "messaging.operation.name": "publish",
  "messaging.operation.type": "send",
};
const STORE: SpanAttributes = { "db.operation.name": "commit" };

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
    const found = carriedAmong([record.decode()], [record.offset]);
    if (found.length > 0) (carried ??= []).push(...found);
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
    // It has the verdict's header only, and asking for it would make its text.
    if (record instanceof MessageRecord) continue;
    if (record.headers[TRACEPARENT] === undefined) continue;
    const context = traceContextOf(record);
    if (context === undefined) continue;
    const id = parseVerdictHeader(record)?.id ?? "";
    (carried ??= []).push({ offset: offsets[i] as number, context, id });
  }
  return carried ?? NONE;
}

function verdictOf({ placed, refused }: Followed): string {
  if (placed !== undefined) return "placed";
  return refused === undefined ? "duplicate" : "refused";
}

/** The runs, with what the readers' gateways go on with beside each event that is traced. */
function runsWith(
  runs: readonly Run[],
  placed: readonly {
    readonly placed: Placed | undefined;
    readonly context: TraceContext;
    readonly publishSpanId: string;
  }[],
): readonly PublishedRun[] {
  return runs.map((run) => {
    const traces = placed.flatMap(({ placed: event, context, publishSpanId }) => {
      if (event?.tenant !== run.tenant || event.conversation !== run.conversation) return [];
      const index = run.offsets.indexOf(event.offset);
      const traceparent = formatTraceparent({ ...context, spanId: publishSpanId });
      return index < 0 ? [] : [{ index, traceparent }];
    });
    if (traces.length === 0) return run;
    const { tenant, conversation, epoch, firstSeq, offsets, packed } = run;
    return {
      tenant,
      conversation,
      epoch,
      firstSeq,
      offsets,
      traces: traces.toSorted((a, b) => a.index - b.index),
      ...(packed !== undefined && { packed }),
      get events() {
        return run.events;
      },
    };
  });
}
