/** As OpenTelemetry has them. */
export type SpanKind = "internal" | "server" | "client" | "producer" | "consumer";

export type SpanAttributes = Readonly<Record<string, string | number | boolean>>;

/** Another span that this one has to do with, as those of one batch have. */
export interface SpanLink {
  readonly traceId: string;
  readonly spanId: string;
}

/** A span that is over. Times are milliseconds since 1970 with their fractions. */
export interface SpanRecord {
  readonly name: string;
  readonly kind: SpanKind;
  readonly traceId: string;
  readonly spanId: string;
  /** Undefined: the first span of its trace. */
  readonly parentSpanId: string | undefined;
  readonly startedAt: number;
  readonly endedAt: number;
  /** MUST NOT hold content or tokens. */
  readonly attributes: SpanAttributes;
  /**
   * Further ones, of names that are not among `attributes`. One object for many spans, which nobody
   * changes: an adapter may keep what it made of it for as long as the object is there.
   */
  readonly shared?: SpanAttributes;
  readonly links?: readonly SpanLink[] | undefined;
  /** Why what it stands for failed; undefined when it did not. */
  readonly error?: string | undefined;
}

/**
 * Takes finished spans to where traces are kept. Spans are made after the fact, out of times that
 * were kept anyway: what is not traced has no span, not even an empty one.
 *
 * - `record` MUST return at once and MUST NOT throw. What a bound leaves no room for is dropped and
 *   counted; so is what the receiver does not take.
 * - `close` MUST hand over what was recorded before, or give it up within the adapter's time limit,
 *   and MUST NOT reject. What is recorded after it is dropped.
 */
export interface Tracer {
  record(span: SpanRecord): void;
  /** 16 random hex digits, not all 0. */
  newSpanId(): string;
  close(): Promise<void>;
}

/** A tracer with what is to be traced. */
export interface Tracing {
  readonly tracer: Tracer;
  /** Share of all messages that is sampled when they come in; 0 to 1. */
  readonly ratio: number;
  /** Whether a client's own `traceparent` says that its message is sampled, or is not. */
  readonly followsClients: boolean;
  /** A message that takes longer, in ms, is traced from there on although it was not sampled. */
  readonly slowMs: number;
}
