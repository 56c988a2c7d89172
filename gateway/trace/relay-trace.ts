import type { Publication, PublishedRun } from "../../src/ports/backplane.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { SpanAttributes } from "../../src/ports/tracer.ts";
import type { LogSystem } from "../../src/tracing/attributes.ts";
import { PlacedSpans } from "../../src/tracing/placed-spans.ts";
import type { Traces } from "../../src/tracing/traces.ts";
import { eventIdOf } from "../../src/wire/event.ts";
import { eventOfPush } from "../../src/wire/reply.ts";
import { stampOf, stampOfRun } from "../../src/wire/stamp.ts";
import { derivedContext, parseTraceparent } from "../../src/wire/trace-context.ts";

export interface RelayTraceOptions {
  readonly traces: Traces;
  readonly clock: Pick<Clock, "defer">;
  readonly system: LogSystem;
  /** Readers that a conversation has here; undefined when nobody reads it. */
  readonly readersOf: (run: PublishedRun) => number | undefined;
}

/** An event whose readers have it queued, until their sockets are written at the turn's end. */
interface Outgoing {
  readonly traceId: string;
  readonly parentSpanId: string;
  readonly attributes: SpanAttributes;
}

const DELIVER: SpanAttributes = {
  "messaging.operation.name": "deliver",
  "messaging.operation.type": "send",
  "network.protocol.name": "websocket",
};

/** Goes on with traces where publications reach readers, and begins those of late messages there. */
export class RelayTrace {
  readonly #options: RelayTraceOptions;
  readonly #relays: PlacedSpans;
  #outgoing: Outgoing[] = [];
  #queuedAt = 0;

  constructor(options: RelayTraceOptions) {
    this.#options = options;
    const { system } = options;
    this.#relays = new PlacedSpans("relay", (_, partition) => ({
      "messaging.system": system,
      "messaging.operation.name": "relay",
      "messaging.destination.partition.id": String(partition),
    }));
  }

  /** Monotonic ms, for {@link delivered}. */
  now(): number {
    return this.#options.traces.now();
  }

  /**
   * Called after the readers were given a publication.
   * @param heardAt monotonic ms
   */
  delivered(publication: Publication, heardAt: number): void {
    const { traces, readersOf } = this.#options;
    const { runs } = publication;
    const [first] = runs;
    // What was late before the log has been seen there; behind it all of a publication is.
    const isLate = first !== undefined && traces.isSlow(stampOfRun(first));
    for (const run of runs) {
      if (run.traces === undefined && !isLate) continue;
      const readers = readersOf(run);
      if (readers === undefined) continue;
      for (const { index, traceparent } of run.traces ?? []) {
        const context = parseTraceparent(traceparent);
        const event = context?.sampled === true ? eventAt(run, index) : undefined;
        if (context !== undefined && event !== undefined)
          this.#relay(publication, run, index, event, context, heardAt, readers, isLate);
      }
      if (isLate) this.#relayLate(publication, run, heardAt, readers);
    }
  }

  #relayLate(publication: Publication, run: PublishedRun, heardAt: number, readers: number): void {
    const traced = new Set(run.traces?.map(({ index }) => index));
    let admitted = this.#options.traces.admit("slow", run.offsets.length - traced.size);
    if (admitted === 0) return;
    const { events } = run;
    for (let index = 0; index < events.length && admitted > 0; index++) {
      if (traced.has(index)) continue;
      admitted--;
      const event = events[index] as string;
      const id = eventIdOf(event);
      if (id !== undefined)
        this.#relay(publication, run, index, event, derivedContext(id), heardAt, readers, true);
    }
  }

  #relay(
    { topic, partition }: Publication,
    run: PublishedRun,
    index: number,
    event: string,
    parent: { readonly traceId: string; readonly spanId: string },
    heardAt: number,
    readers: number,
    isLate: boolean,
  ): void {
    const { traces, clock } = this.#options;
    const { traceId } = parent;
    const now = traces.now();
    const spanId = traces.tracer.newSpanId();
    const stamp = stampOf(event);
    // Those of every span of this message here.
    const common: Record<string, string | number> = { "tidegate.readers": readers };
    if (isLate) common["tidegate.late"] = "slow";
    const attributes: Record<string, string | number> = {
      ...common,
      "messaging.kafka.offset": run.offsets[index] ?? -1,
      "messaging.message.id": eventIdOf(event) ?? "",
      "tidegate.seq": run.firstSeq + index,
    };
    if (stamp !== undefined) attributes["tidegate.age_ms"] = traces.age(stamp);
    const { name, shared } = this.#relays.of(topic, partition);
    traces.tracer.record({
      name,
      kind: "consumer",
      traceId,
      spanId,
      parentSpanId: parent.spanId,
      startedAt: traces.at(heardAt),
      endedAt: traces.at(now),
      attributes,
      shared,
    });
    if (readers === 0) return;
    // Deferred behind the connections' own flush, which was asked for by those that got something.
    if (this.#outgoing.length === 0) {
      this.#queuedAt = now;
      clock.defer(() => this.#written());
    }
    this.#outgoing.push({ traceId, parentSpanId: spanId, attributes: common });
  }

  #written(): void {
    const { traces } = this.#options;
    const outgoing = this.#outgoing;
    this.#outgoing = [];
    const endedAt = traces.at(traces.now());
    const startedAt = traces.at(this.#queuedAt);
    for (const { traceId, parentSpanId, attributes } of outgoing)
      traces.tracer.record({
        name: "deliver tidegate.v1",
        kind: "producer",
        traceId,
        spanId: traces.tracer.newSpanId(),
        parentSpanId,
        startedAt,
        endedAt,
        attributes,
        shared: DELIVER,
      });
  }
}

/** One event's text, without making texts of the others. */
function eventAt(run: PublishedRun, index: number): string | undefined {
  const { lines } = run;
  if (lines === undefined) return run.events[index];
  let at = 0;
  for (let i = 0; i < index; i++) {
    at = lines.indexOf("\n", at) + 1;
    if (at === 0) return undefined;
  }
  const end = lines.indexOf("\n", at);
  return eventOfPush(lines.slice(at, end < 0 ? lines.length : end));
}
