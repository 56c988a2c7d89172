import type { SpanAttributes, SpanKind, SpanLink, SpanRecord } from "../../ports/tracer.ts";

/** As OTLP counts them (`SPAN_KIND_INTERNAL` is 1), each with what comes between ids and times. */
const KINDS: Readonly<Record<SpanKind, { readonly number: number; names: Map<string, string> }>> = {
  internal: { number: 1, names: new Map() },
  server: { number: 2, names: new Map() },
  client: { number: 3, names: new Map() },
  producer: { number: 4, names: new Map() },
  consumer: { number: 5, names: new Map() },
};
/** Sampled, and known not to come from another process: that is not ours to say of a parent. */
const FLAGS = 0x101;
const STATUS_ERROR = 2;
/** Names of spans, and of attributes: the conventions want few of them. */
const NAMES_MAX = 1_000;

/**
 * A span in OTLP's JSON (opentelemetry-proto, trace.proto; ids in hex, enums as numbers), without the
 * fields that are empty. All of it is ASCII, so that it has as many bytes as characters. Put together
 * by hand, of pieces that are as long as can be: the library makes an object of each attribute and of
 * each field, and a text of those.
 */
export function spanText(span: SpanRecord): string {
  const { parentSpanId, startedAt, endedAt, error, links, shared } = span;
  const ids =
    parentSpanId === undefined
      ? `{"traceId":"${span.traceId}","spanId":"${span.spanId}`
      : `{"traceId":"${span.traceId}","parentSpanId":"${parentSpanId}","spanId":"${span.spanId}`;
  const own = attributesText(span.attributes);
  let attributes = own;
  if (shared !== undefined) {
    const common = sharedText(shared);
    attributes = own === "" || common === "" ? common + own : `${common},${own}`;
  }
  const start = nanoseconds(startedAt);
  const end = endedAt > startedAt ? nanoseconds(endedAt) : start;
  const times = `${nameText(span.kind, span.name)}${start}","endTimeUnixNano":"${end}`;
  return `${ids}${times}","attributes":[${attributes}${endText(error, links)}`;
}

/** Attributes as OTLP has them, with commas between. */
export function attributesText(attributes: SpanAttributes): string {
  let text = "";
  for (const name in attributes) {
    const value = attributes[name] as string | number | boolean;
    const starts = startsOf(name);
    if (typeof value === "string")
      text += PLAIN.test(value)
        ? `${starts.string}"${value}"}}`
        : `${starts.string}${escaped(value)}}}`;
    else if (typeof value === "boolean") text += `${starts.bool}${value}}}`;
    else if (Number.isInteger(value)) text += `${starts.int}${value}}}`;
    else text += `${starts.double}${JSON.stringify(value)}}}`;
  }
  return text.slice(1);
}

/** What comes before an attribute's value, with the comma behind the attribute before it. */
interface Starts {
  readonly string: string;
  readonly int: string;
  readonly double: string;
  readonly bool: string;
}

const starts = new Map<string, Starts>();

function startsOf(name: string): Starts {
  let known = starts.get(name);
  if (known === undefined) {
    if (starts.size === NAMES_MAX) starts.clear();
    const start = `,{"key":${quoted(name)},"value":{"`;
    known = {
      string: `${start}stringValue":`,
      int: `${start}intValue":`,
      double: `${start}doubleValue":`,
      bool: `${start}boolValue":`,
    };
    starts.set(name, known);
  }
  return known;
}

/** From the end of the ids to the beginning of the first time. */
function nameText(kind: SpanKind, name: string): string {
  const { names, number } = KINDS[kind];
  let text = names.get(name);
  if (text === undefined) {
    if (names.size === NAMES_MAX) names.clear();
    text = `","name":${quoted(name)},"kind":${number},"startTimeUnixNano":"`;
    names.set(name, text);
  }
  return text;
}

const sharedTexts = new WeakMap<SpanAttributes, string>();

function sharedText(shared: SpanAttributes): string {
  let text = sharedTexts.get(shared);
  if (text === undefined) sharedTexts.set(shared, (text = attributesText(shared)));
  return text;
}

const PLAIN_END = `],"status":{},"flags":${FLAGS}}`;

/** What comes behind the attributes. */
function endText(error: string | undefined, links: readonly SpanLink[] | undefined): string {
  if (error === undefined && links === undefined) return PLAIN_END;
  const status = error === undefined ? "" : `"code":${STATUS_ERROR},"message":${quoted(error)}`;
  let linked = "";
  for (const { traceId, spanId } of links ?? [])
    linked += `,{"traceId":"${traceId}","spanId":"${spanId}","flags":${FLAGS}}`;
  return `],"status":{${status}},"links":[${linked.slice(1)}],"flags":${FLAGS}}`;
}

const PLAIN = /^[ !#-[\]-~]*$/;
const BEYOND_ASCII = /[\u007f-\uffff]/g;

/** A JSON string in ASCII. */
function quoted(text: string): string {
  return PLAIN.test(text) ? `"${text}"` : escaped(text);
}

function escaped(text: string): string {
  return JSON.stringify(text).replace(
    BEYOND_ASCII,
    (unit) => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`,
  );
}

const SECOND_NS = 1_000_000_000;
let second = 0;
let secondText = "0";

/** Nanoseconds since 1970 of milliseconds: their second is the same for most, the rest a small number. */
function nanoseconds(ms: number): string {
  const seconds = Math.floor(ms / 1_000);
  if (seconds !== second) {
    second = seconds;
    secondText = String(seconds);
  }
  const rest = Math.max(0, Math.floor((ms - seconds * 1_000) * 1e6));
  return secondText + String(SECOND_NS + rest).slice(1);
}
