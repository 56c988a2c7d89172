import type { Placed, Run } from "../../src/chat/sequencer.ts";
import type { EventTrace, PublishedRun } from "../../src/ports/backplane.ts";
import type { SpanAttributes, SpanLink } from "../../src/ports/tracer.ts";
import { batchLinks } from "../../src/tracing/links.ts";
import type { Traces } from "../../src/tracing/traces.ts";
import type { PackedRecord } from "../../src/wire/packed-record.ts";
import { formatTraceparent } from "../../src/wire/trace-context.ts";

/** A placed record that is traced. */
export interface TracedEvent extends SpanLink {
  /** Of the span of its verdict. */
  readonly spanId: string;
  /** Of the span that publishes it, which readers' gateways go on with. */
  readonly publishSpanId: string;
  readonly placed: Placed;
}

export interface TracedFoldOptions {
  readonly traces: Traces;
  readonly linksMax: number;
  /** The topic's name in those of spans. */
  readonly template: string;
  /** Of the spans of its commit. */
  readonly store: SpanAttributes;
  /** Ms since 1970 when it was folded. */
  readonly foldedAt: number;
}

const PUBLISH: SpanAttributes = {
  "messaging.operation.name": "publish",
  "messaging.operation.type": "send",
};
const NO_MORE: SpanAttributes = {};

/** What a fold leaves to be told when it is published and stored. */
export class TracedFold {
  /** Those of the fold, with the traces of their events. */
  readonly runs: readonly PublishedRun[];
  readonly events: readonly TracedEvent[];
  readonly #options: TracedFoldOptions;

  constructor(runs: readonly Run[], events: readonly TracedEvent[], options: TracedFoldOptions) {
    this.runs = runsWith(runs, events);
    this.events = events;
    this.#options = options;
  }

  published(): void {
    const { traces, template } = this.#options;
    const endedAt = traces.at(traces.now());
    const name = `publish ${template}`;
    for (const event of this.events)
      this.#record(event, name, "producer", event.publishSpanId, endedAt, PUBLISH, undefined);
  }

  /** @param together all folds of the transaction that have traces */
  stored(together: readonly TracedFold[]): void {
    const { traces, template, linksMax, store } = this.#options;
    const endedAt = traces.at(traces.now());
    const name = `store ${template}`;
    const all = together.flatMap(({ events }) => events);
    let index = all.indexOf(this.events[0] as TracedEvent);
    for (const event of this.events) {
      const links = batchLinks(all, index++, linksMax);
      this.#record(event, name, "client", traces.tracer.newSpanId(), endedAt, store, links);
    }
  }

  #record(
    event: TracedEvent,
    name: string,
    kind: "client" | "producer",
    spanId: string,
    endedAt: number,
    shared: SpanAttributes,
    links: readonly SpanLink[] | undefined,
  ): void {
    const { traces, foldedAt } = this.#options;
    traces.tracer.record({
      name,
      kind,
      traceId: event.traceId,
      spanId,
      parentSpanId: event.spanId,
      startedAt: foldedAt,
      endedAt,
      attributes: NO_MORE,
      shared,
      links,
    });
  }
}

/** A run with what the readers' gateways go on with beside each event that is traced. */
class TracedRun implements PublishedRun {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly firstSeq: number;
  readonly offsets: readonly number[];
  readonly traces: EventTrace[] = [];
  readonly packed?: readonly PackedRecord[];
  readonly #run: Run;

  constructor(run: Run) {
    this.tenant = run.tenant;
    this.conversation = run.conversation;
    this.epoch = run.epoch;
    this.firstSeq = run.firstSeq;
    this.offsets = run.offsets;
    if (run.packed !== undefined) this.packed = run.packed;
    this.#run = run;
  }

  get events(): readonly string[] {
    return this.#run.events;
  }
}

function runsWith(runs: readonly Run[], events: readonly TracedEvent[]): readonly PublishedRun[] {
  const all: (Run | TracedRun)[] = runs.slice();
  const traced: TracedRun[] = [];
  for (const { placed, traceId, publishSpanId } of events) {
    const { tenant, conversation, offset } = placed;
    const at = all.findIndex(
      (run) =>
        run.conversation === conversation && run.tenant === tenant && run.offsets.includes(offset),
    );
    let run = all[at];
    if (run === undefined) continue;
    if (!(run instanceof TracedRun)) {
      run = new TracedRun(run);
      all[at] = run;
      traced.push(run as TracedRun);
    }
    const traceparent = formatTraceparent({ traceId, spanId: publishSpanId, sampled: true });
    (run as TracedRun).traces.push({ index: run.offsets.indexOf(offset), traceparent });
  }
  // Those that are late come behind those that were sampled.
  for (const { traces } of traced) if (traces.length > 1) traces.sort((a, b) => a.index - b.index);
  return all;
}
