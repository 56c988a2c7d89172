import type { ErrorCode } from "../../src/errors.ts";
import type { Refusal } from "../../src/ports/backplane.ts";
import { parseVerdictHeader, type LogRecord } from "../../src/wire/record.ts";

interface Value {
  readonly tenant_id?: unknown;
  readonly payload?: Readonly<Record<"conversation_id" | "key" | "sender", unknown>>;
}

/**
 * What the sender of a record that is never published is told; undefined for a foreign record.
 * @param origin of the row
 */
export function refusalOf(record: LogRecord, code: ErrorCode, origin: string): Refusal | undefined {
  const header = parseVerdictHeader(record);
  const value = header === undefined ? undefined : parseValue(record.value);
  if (header === undefined || value?.payload === undefined) return undefined;
  const { tenant_id: tenant } = value;
  const { conversation_id: conversation, key, sender: user } = value.payload;
  if (typeof tenant !== "string" || typeof user !== "string") return undefined;
  if (typeof conversation !== "string" || typeof key !== "string") return undefined;
  return {
    tenant,
    user,
    conversation,
    key,
    message: header.id,
    code: code === "record_too_large" ? "content_too_large" : "invalid_content",
    origin,
  };
}

/** A row may have been put there by hand, so its value may be anything. */
function parseValue(text: string): Value | undefined {
  try {
    return JSON.parse(text) as Value;
  } catch {
    return undefined;
  }
}
