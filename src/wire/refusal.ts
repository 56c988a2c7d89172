import type { z } from "zod";
import { AppError, type ErrorCode, type ErrorDetail } from "../errors.ts";
import { limitsWith } from "../limits.ts";
import { parseCursor } from "./cursor.ts";
import { keyFault } from "./key.ts";
import { conversationFault, nameFault } from "./name.ts";

interface FieldRule {
  readonly code: ErrorCode;
  readonly fault?: (value: string) => string | undefined;
}

const cursorRule: FieldRule = {
  code: "invalid_cursor",
  fault: (text) => (parseCursor(text) ? undefined : "is not a cursor"),
};

/** Fields with a code or a check of their own; all others are `invalid_command`. */
const FIELD_RULES = new Map<string, FieldRule>([
  ["conversation", { code: "invalid_conversation", fault: conversationFault }],
  ["key", { code: "key_weak", fault: keyFault }],
  ["cursor", cursorRule],
  ["after", cursorRule],
  ["before", cursorRule],
  ["content", { code: "invalid_content" }],
  [
    "client",
    {
      code: "invalid_command",
      fault: (name) => nameFault(name, limitsWith().clientNameBytesMax),
    },
  ],
]);

const EXPECTED: Readonly<Record<string, string>> = {
  string: "a string",
  number: "an integer",
  int: "an integer",
  object: "an object",
  record: "an object",
};

/**
 * The error of a body that its schema refuses: which field, what is wrong and the limit that it is
 * beyond, with the most precise code there is. Only the first fault is told.
 *
 * @param where what the body is called in messages (`send`), or `""` for one without a name
 * @param body the refused value, as JSON.parse gave it
 */
export function firstRefusal(where: string, body: unknown, error: z.core.$ZodError): AppError {
  const [issue] = error.issues;
  if (issue === undefined) throw new Error("A schema refuses without an issue");
  const name = issue.path[0];
  if (typeof name !== "string") {
    const subject = where || "body";
    return new AppError("invalid_command", `${subject} is not an object`, { field: subject });
  }
  const field = where ? `${where}.${name}` : name;
  const value = (body as Record<string, unknown>)[name];
  if (value === undefined) return refuse("invalid_command", field, "is missing");

  const rule = FIELD_RULES.get(name);
  const fault = typeof value === "string" ? rule?.fault?.(value) : undefined;
  if (rule && fault !== undefined) {
    return new AppError(rule.code, `${field} ${fault}`, refusalDetail(field, fault));
  }
  // A rule about two fields (`cursor` and `tail`) is nothing that is wrong with this one.
  if (issue.code === "custom") return refuse("invalid_command", field, issue.message);
  const limit = limitOf(issue);
  const code = name === "token" && issue.code === "too_big" ? "unauthenticated" : rule?.code;
  return refuse(code ?? "invalid_command", field, describe(issue), limit);
}

/** Of a fault that states its limit, if it has one, as the first number that stands alone. */
export function refusalDetail(field: string, fault: string): ErrorDetail {
  const stated = / (\d+)(?: |$)/.exec(fault)?.[1];
  return stated === undefined ? { field } : { field, limit: Number(stated) };
}

function refuse(code: ErrorCode, field: string, fault: string, limit?: number): AppError {
  const detail = limit === undefined ? { field } : { field, limit };
  return new AppError(code, `${field} ${fault}`, detail);
}

function limitOf(issue: z.core.$ZodIssue): number | undefined {
  if (issue.code === "too_big") return Number(issue.maximum);
  return issue.code === "too_small" ? Number(issue.minimum) : undefined;
}

function describe(issue: z.core.$ZodIssue): string {
  switch (issue.code) {
    case "invalid_type":
      return `is not ${EXPECTED[issue.expected] ?? "valid"}`;
    case "too_small":
      if (issue.origin !== "string") return `is less than ${issue.minimum}`;
      return issue.minimum === 1 ? "is empty" : `is shorter than ${issue.minimum} characters`;
    case "too_big":
      if (issue.origin !== "string") return `is more than ${issue.maximum}`;
      return `is longer than ${issue.maximum} characters`;
    case "invalid_value":
      return `is not one of ${issue.values.join(", ")}`;
    default:
      return "is not valid";
  }
}
