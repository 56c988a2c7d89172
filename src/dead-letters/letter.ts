import { isJsonObject, parseObject, type JsonObject } from "../wire/json-object.ts";
import { TRACEPARENT, type LogRecord } from "../wire/record.ts";

/** The story of a record that could not be processed. */
export interface DeadLetter {
  readonly pool: string;
  readonly reason: string;
  readonly origin: string;
  readonly attempts: number;
  readonly tenant: string;
  /** Ms since 1970. */
  readonly keptAt: number | undefined;
  readonly record: LogRecord;
}

/** The record's trace (W3C), when it was sampled. */
export function traceOf(record: LogRecord): string | undefined {
  return record.headers[TRACEPARENT];
}

/** A dead letter as a record of its pool's dead-letter topic. */
export function encodeLetter(letter: DeadLetter): LogRecord {
  const { tenant, record, reason, origin } = letter;
  const trace = traceOf(record);
  return {
    // A malformed key may hold anything; escaped, it is one line of printable text.
    key: `${tenant}/${JSON.stringify(record.key).slice(1, -1)}`,
    headers: { reason, tenant, origin, ...(trace === undefined ? {} : { [TRACEPARENT]: trace }) },
    value: JSON.stringify(letter),
  };
}

/** What a record of a pool's dead-letter topic says; others may write there too, so it may lack. */
export function decodeLetter(pool: string, record: LogRecord): DeadLetter {
  const said = parseObject(record.value) ?? {};
  const kept = recordIn(said["record"]);
  return {
    pool,
    reason: textIn(said["reason"]) ?? record.headers["reason"] ?? "unreadable",
    origin: originIn(said["origin"]) ?? record.headers["origin"] ?? "",
    attempts: numberIn(said["attempts"]) ?? 0,
    tenant: textIn(said["tenant"]) ?? record.headers["tenant"] ?? "",
    keptAt: numberIn(said["keptAt"]),
    record: kept ?? record,
  };
}

function recordIn(value: unknown): LogRecord | undefined {
  if (!isJsonObject(value) || typeof value["key"] !== "string") return undefined;
  if (typeof value["value"] !== "string" || !isJsonObject(value["headers"])) return undefined;
  return { key: value["key"], headers: headersIn(value["headers"]), value: value["value"] };
}

function headersIn(said: JsonObject): Record<string, string> {
  const texts = Object.entries(said).filter(([, text]) => typeof text === "string");
  return Object.fromEntries(texts) as Record<string, string>;
}

/** As text, or in its three parts. */
function originIn(value: unknown): string | undefined {
  if (!isJsonObject(value)) return textIn(value);
  return `${String(value["topic"])}/${String(value["partition"])}/${String(value["offset"])}`;
}

const textIn = (value: unknown): string | undefined =>
  typeof value === "string" ? value : undefined;
const numberIn = (value: unknown): number | undefined =>
  typeof value === "number" && Number.isFinite(value) ? value : undefined;
