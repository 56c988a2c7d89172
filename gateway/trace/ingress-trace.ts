import { clientError, type AppError, type ErrorCode } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import { HeadSampler } from "../../src/policy/head-sampler.ts";
import {
  fullBucket,
  takeTokens,
  type Rate,
  type TokenBucket,
} from "../../src/policy/token-bucket.ts";
import type { Random } from "../../src/ports/random.ts";
import type { SpanLink, Tracing } from "../../src/ports/tracer.ts";
import { placeAttributes, type LogSystem } from "../../src/tracing/attributes.ts";
import { batchLinks } from "../../src/tracing/links.ts";
import { PlacedSpans } from "../../src/tracing/placed-spans.ts";
import type { LateReason, Traces } from "../../src/tracing/traces.ts";
import { verdictOf } from "../../src/wire/message-record.ts";
import {
  derivedContext,
  parseTraceparent,
  traceContextOf,
  type TraceContext,
} from "../../src/wire/trace-context.ts";
import type { AppendWatch, Completion, SettledAppend } from "../producer.ts";
import type { Entry } from "./entry.ts";
import { MessageTrace, type TracedRoute } from "./message-trace.ts";

export interface IngressTraceOptions {
  readonly traces: Traces;
  readonly tracing: Pick<Tracing, "ratio" | "followsClients">;
  readonly random: Random;
  readonly limits: Limits;
  readonly system: LogSystem;
}

type Links = readonly SpanLink[] | undefined;

/** Refusals that are no fault of the client's. */
const FAILURES: ReadonlySet<ErrorCode> = new Set<ErrorCode>([
  "overloaded",
  "log_unavailable",
  "store_unavailable",
  "disk_full",
  "unknown_outcome",
  "internal",
]);

/**
 * Traces messages from their coming in until the log has them. What is not sampled costs a
 * subtraction; whether it was slow or failed is seen by its append, which it shares with others.
 */
export class IngressTrace implements AppendWatch {
  readonly #traces: Traces;
  readonly #followsClients: boolean;
  readonly #sampler: HeadSampler;
  readonly #clientRate: Rate;
  readonly #clients: TokenBucket;
  readonly #linksMax: number;
  readonly #sends: PlacedSpans;
  /** Those of the append whose outcome is being told. */
  #done: MessageTrace[] = [];
  readonly #heard = (trace: MessageTrace): void => void this.#done.push(trace);

  constructor({ traces, tracing, random, limits, system }: IngressTraceOptions) {
    this.#traces = traces;
    this.#followsClients = tracing.followsClients;
    this.#sampler = new HeadSampler(tracing.ratio, () => random.next());
    const perSecond = limits.traceClientsPerSecond;
    this.#clientRate = { perSecond, burst: perSecond };
    this.#clients = fullBucket(this.#clientRate, traces.now());
    this.#linksMax = limits.traceLinksMax;
    this.#sends = new PlacedSpans("send", (topic, partition) => ({
      ...placeAttributes(system, topic, partition),
      "messaging.operation.name": "send",
      "messaging.operation.type": "send",
    }));
  }

  /**
   * Decides about a message that comes in.
   * @param traceparent what its client sent, if anything
   * @returns what is to be its completion, and whose context its record is to carry; undefined for
   *   most, of which nothing is kept
   */
  begin(
    id: string,
    route: TracedRoute,
    traceparent: string | undefined,
    completion: Completion,
  ): MessageTrace | undefined {
    const client = traceparent === undefined ? undefined : parseTraceparent(traceparent);
    const sampled = client === undefined ? this.#sampler.take() : this.#follows(client);
    if (client === undefined && !sampled) return undefined;
    const { traceId } = client ?? derivedContext(id);
    return new MessageTrace(
      {
        id,
        route,
        context: { traceId, spanId: this.#traces.tracer.newSpanId(), sampled },
        parentSpanId: client?.spanId,
        completion,
        submittedAt: this.#traces.now(),
      },
      this.#heard,
    );
  }

  /** A client that marks all that it sends as sampled must not have all of it traced. */
  #follows(client: TraceContext): boolean {
    if (!this.#followsClients) return this.#sampler.take();
    if (!client.sampled) return false;
    return (
      takeTokens(this.#clients, this.#clientRate, this.#traces.now()) === 0 || this.#sampler.take()
    );
  }

  /** A message was refused before it came as far as an append. */
  refused(id: string, route: TracedRoute, trace: MessageTrace | undefined, error: AppError): void {
    const { topic, partition } = route;
    const now = this.#traces.now();
    const append = { topic, partition, records: [], startedAt: now };
    if (trace !== undefined) {
      trace.outcome = { kind: "failed", error };
      this.#tell(trace, append, now, undefined);
    } else if (FAILURES.has(clientError(error).code) && this.#traces.admit("failed", 1) > 0)
      this.#late(id, append, now, "failed", error);
  }

  /** The completions of an append have all heard its outcome. */
  settled(append: SettledAppend, error: AppError | undefined): void {
    const now = this.#traces.now();
    const done = this.#done;
    if (done.length > 0) {
      this.#done = [];
      const contexts = done.map(({ context }) => context);
      done.forEach((trace, i) =>
        this.#tell(trace, append, now, batchLinks(contexts, i, this.#linksMax)),
      );
    }
    if (error === undefined && now - append.startedAt < this.#traces.slowMs) return;
    const reason = error === undefined ? "slow" : "failed";
    // Whoever has a context has been told above.
    let admitted = this.#traces.admit(reason, append.records.length - done.length);
    for (const record of append.records) {
      if (admitted === 0) return;
      if (traceContextOf(record) !== undefined) continue;
      admitted--;
      const id = verdictOf(record)?.id;
      if (id !== undefined) this.#late(id, append, now, reason, error);
    }
  }

  /** The spans of a message that was followed from its beginning. */
  #tell(trace: MessageTrace, append: SettledAppend, endedAt: number, links: Links): void {
    const { context, route, outcome, submittedAt, completion } = trace;
    const error = outcome?.kind === "failed" ? outcome.error : undefined;
    if (!context.sampled) {
      // Its client decided against it, which holds unless there is something to be seen.
      const reason = error === undefined ? "slow" : "failed";
      const isLate = error !== undefined || endedAt - submittedAt >= this.#traces.slowMs;
      if (!isLate || this.#traces.admit(reason, 1) === 0) return;
    }
    const { entry } = completion;
    let parentSpanId = trace.parentSpanId;
    if (entry !== undefined) {
      const startedAt = entry.startedAt ?? submittedAt;
      parentSpanId = this.#tellEntry(trace, entry, startedAt, endedAt, error);
    }
    const attributes = this.#sendAttributes(trace.id, append, error);
    attributes["messaging.message.conversation_id"] = route.conversation;
    attributes["tidegate.tenant"] = route.tenant.name;
    if (outcome?.kind === "appended") attributes["messaging.kafka.offset"] = outcome.offset;
    if (outcome?.kind === "kept") attributes["tidegate.durability"] = "outbox";
    const { name, shared } = this.#sends.of(append.topic, append.partition);
    this.#traces.tracer.record({
      name,
      kind: "producer",
      traceId: context.traceId,
      spanId: context.spanId,
      parentSpanId,
      startedAt: this.#traces.at(Math.max(submittedAt, append.startedAt)),
      endedAt: this.#traces.at(endedAt),
      attributes,
      shared,
      links,
      error: error?.message,
    });
  }

  /** How it came in. @returns the span's id */
  #tellEntry(
    { context, parentSpanId, route }: MessageTrace,
    entry: Entry,
    startedAt: number,
    endedAt: number,
    error: AppError | undefined,
  ): string {
    const { tracer } = this.#traces;
    const { traceId } = context;
    const spanId = tracer.newSpanId();
    const begunAt = this.#traces.at(startedAt);
    const tenant = { "tidegate.tenant": route.tenant.name };
    tracer.record({
      name: entry.name,
      kind: "server",
      traceId,
      spanId,
      parentSpanId,
      startedAt: begunAt,
      endedAt: this.#traces.at(endedAt),
      attributes: error === undefined ? tenant : { ...tenant, "error.type": error.code },
      shared: entry.attributes,
      error: error?.message,
    });
    if (entry.authorizedAt !== undefined)
      tracer.record({
        name: "authorize",
        kind: "internal",
        traceId,
        spanId: tracer.newSpanId(),
        parentSpanId: spanId,
        startedAt: begunAt,
        endedAt: this.#traces.at(entry.authorizedAt),
        attributes: tenant,
      });
    return spanId;
  }

  /** The one span of a message that nobody followed, made of what its append tells. */
  #late(
    id: string,
    append: SettledAppend,
    endedAt: number,
    reason: LateReason,
    error: AppError | undefined,
  ): void {
    const { traceId, spanId } = derivedContext(id);
    const { name, shared } = this.#sends.of(append.topic, append.partition);
    this.#traces.tracer.record({
      name,
      kind: "producer",
      traceId,
      spanId,
      parentSpanId: undefined,
      startedAt: this.#traces.at(append.startedAt),
      endedAt: this.#traces.at(endedAt),
      attributes: { ...this.#sendAttributes(id, append, error), "tidegate.late": reason },
      shared,
      error: error?.message,
    });
  }

  #sendAttributes(
    id: string,
    { records }: SettledAppend,
    error: AppError | undefined,
  ): Record<string, string | number> {
    const attributes: Record<string, string | number> = {
      "messaging.message.id": id,
      "messaging.batch.message_count": Math.max(1, records.length),
    };
    if (error !== undefined) attributes["error.type"] = error.code;
    return attributes;
  }
}
