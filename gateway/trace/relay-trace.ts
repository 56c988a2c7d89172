import type { Publication, PublishedRun } from "../../src/ports/backplane.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { SpanAttributes } from "../../src/ports/tracer.ts";
import { destinationTemplate, type LogSystem } from "../../src/tracing/attributes.ts";
import type { Traces } from "../../src/tracing/traces.ts";
import { eventIdOf } from "../../src/wire/event.ts";
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
  readonly readers: number;
  readonly attributes: SpanAttributes;
}

/** Goes on with traces where publications reach readers, and begins those of late messages there. */
export class RelayTrace {
  readonly #options: RelayTraceOptions;
  #outgoing: Outgoing[] = [];
  #queuedAt = 0;

  constructor(options: RelayTraceOptions) {
    this.#options = options;
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
        if (context?.sampled === true)
          this.#relay(publication, run, index, context, heardAt, readers, isLate);
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
      const id = eventIdOf(events[index] as string);
      if (id !== undefined)
        this.#relay(publication, run, index, derivedContext(id), heardAt, readers, true);
    }
  }

  #relay(
    { topic, partition }: Publication,
    run: PublishedRun,
    index: number,
    parent: { readonly traceId: string; readonly spanId: string },
    heardAt: number,
    readers: number,
    isLate: boolean,
  ): void {
    const { traces, system, clock } = this.#options;
    const event = run.events[index];
    if (event === undefined) return;
    const { traceId } = parent;
    const now = traces.now();
    const spanId = traces.tracer.newSpanId();
    const stamp = stampOf(event);
    // Those of every span of this message here.
    const attributes: SpanAttributes = {
      "tidegate.readers": readers,
      ...(isLate && { "tidegate.late": "slow" }),
    };
    traces.tracer.record({
      name: `relay ${destinationTemplate(topic)}`,
      kind: "consumer",
      traceId,
      spanId,
      parentSpanId: parent.spanId,
      startedAt: traces.at(heardAt),
      endedAt: traces.at(now),
      attributes: {
        ...attributes,
        "messaging.system": system,
        "messaging.operation.name": "relay",
        "messaging.destination.partition.id": String(partition),
        "messaging.kafka.offset": run.offsets[index] ?? -1,
        "messaging.message.id": eventIdOf(event) ?? "",
        "tidegate.seq": run.firstSeq + index,
        ...(stamp !== undefined && { "tidegate.age_ms": traces.age(stamp) }),
      },
    });
    if (readers === 0) return;
    // Deferred behind the connections' own flush, which was asked for by those that got something.
    if (this.#outgoing.length === 0) {
      this.#queuedAt = now;
      clock.defer(() => this.#written());
    }
    this.#outgoing.push({ traceId, parentSpanId: spanId, readers, attributes });
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
        attributes: {
          ...attributes,
          "messaging.operation.name": "deliver",
          "messaging.operation.type": "send",
          "network.protocol.name": "websocket",
        },
      });
  }
}
