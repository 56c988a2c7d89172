import { AppError } from "../../src/errors.ts";
import type { TenantLimits } from "../../src/tenants.ts";
import { conversationFault, isTenant } from "../../src/wire/name.ts";

/** Of the file's layout; another one is not read. */
const FORMAT_VERSION = 1;

/** The first line. */
export interface HeaderLine {
  readonly kind: "header";
  readonly at: string;
  readonly from: string;
  readonly tenants: readonly string[];
}

/** A tenant begins; what follows is its own up to {@link TotalsLine}. */
export interface TenantLine {
  readonly kind: "tenant";
  readonly name: string;
  /** Undefined: standalone has no plans. */
  readonly plan: string | undefined;
  readonly limits: TenantLimits | undefined;
}

/** A conversation begins; its number is how many the tenant had before. */
export interface ConversationLine {
  readonly kind: "conversation";
  readonly name: string;
  readonly epoch: string;
  /** Of its first event that is kept; of the next one that is to come when none is. */
  readonly seqFirst: number;
}

export interface EventLine {
  readonly kind: "event";
  /** Of its conversation. */
  readonly conversation: number;
  readonly seq: number;
  readonly id: string;
  readonly fingerprint: string;
  /** The JSON text that readers get, to the byte. */
  readonly event: string;
}

/** What a tenant has in all. */
export interface TotalsLine {
  readonly kind: "totals";
  readonly conversations: number;
  readonly events: number;
}

/** The last line: of the lines before it, how many there are and the SHA-256 of their bytes. */
export interface EndLine {
  readonly kind: "end";
  readonly lines: number;
  readonly sha256: string;
}

export type Line = HeaderLine | TenantLine | ConversationLine | EventLine | TotalsLine | EndLine;

/** One line of JSON, without its line break. */
export function encodeLine(line: Line): string {
  switch (line.kind) {
    case "event":
      return JSON.stringify([line.conversation, line.seq, line.id, line.fingerprint, line.event]);
    case "header": {
      const { at, from, tenants } = line;
      return JSON.stringify({ tidegate: "export", version: FORMAT_VERSION, at, from, tenants });
    }
    case "tenant": {
      const { name, plan = null, limits } = line;
      const { sendsPerSecond = null, sendsBurst = null, connections = null } = limits ?? {};
      const own = limits === undefined ? null : { sendsPerSecond, sendsBurst, connections };
      return JSON.stringify({ tenant: name, plan, limits: own });
    }
    case "conversation":
      return JSON.stringify({ conversation: line.name, epoch: line.epoch, from: line.seqFirst });
    case "totals":
      return JSON.stringify({ conversations: line.conversations, events: line.events });
    case "end":
      return JSON.stringify({ lines: line.lines, sha256: line.sha256 });
  }
}

/** @throws invalid_command that says what is wrong with the line */
export function decodeLine(text: string): Line {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw fault("it is no JSON");
  }
  if (Array.isArray(value)) return eventLine(value);
  if (typeof value !== "object" || value === null) throw fault("it is no line of an export");
  const fields = value as Readonly<Record<string, unknown>>;
  if ("tidegate" in fields) return headerLine(fields);
  if ("tenant" in fields) return tenantLine(fields);
  if ("sha256" in fields)
    return { kind: "end", lines: count(fields["lines"]), sha256: word(fields["sha256"]) };
  if ("conversation" in fields) return conversationLine(fields);
  if ("conversations" in fields)
    return {
      kind: "totals",
      conversations: count(fields["conversations"]),
      events: count(fields["events"]),
    };
  throw fault("it is no line of an export");
}

type Fields = Readonly<Record<string, unknown>>;

function headerLine({ tidegate, version, at, from, tenants }: Fields): HeaderLine {
  if (tidegate !== "export") throw fault("it is no export of Tidegate");
  if (version !== FORMAT_VERSION)
    throw fault(`it has version ${String(version)}; this program reads ${FORMAT_VERSION}`);
  if (!Array.isArray(tenants)) throw fault("it names no tenants");
  return { kind: "header", at: word(at), from: word(from), tenants: tenants.map(word) };
}

function tenantLine({ tenant, plan, limits }: Fields): TenantLine {
  const name = word(tenant);
  if (!isTenant(name)) throw fault(`${JSON.stringify(name)} is no name of a tenant`);
  return {
    kind: "tenant",
    name,
    plan: plan === null ? undefined : word(plan),
    limits: limits === null ? undefined : limitsOf(limits),
  };
}

function limitsOf(value: unknown): TenantLimits {
  if (typeof value !== "object" || value === null) throw fault("its limits are none");
  const fields = value as Fields;
  const limit = (name: keyof TenantLimits): number | undefined =>
    fields[name] === null ? undefined : count(fields[name]);
  return {
    sendsPerSecond: limit("sendsPerSecond"),
    sendsBurst: limit("sendsBurst"),
    connections: limit("connections"),
  };
}

function conversationLine({ conversation, epoch, from }: Fields): ConversationLine {
  const name = word(conversation);
  const wrong = conversationFault(name);
  if (wrong !== undefined) throw fault(`the name of its conversation ${wrong}`);
  return { kind: "conversation", name, epoch: word(epoch), seqFirst: count(from) };
}

function eventLine(value: readonly unknown[]): EventLine {
  const [conversation, seq, id, fingerprint, text] = value;
  const event = word(text);
  const line: EventLine = {
    kind: "event",
    conversation: count(conversation),
    seq: count(seq),
    id: word(id),
    fingerprint: word(fingerprint),
    event,
  };
  // Readers get it as it is: it must be what a gateway would have built.
  if (!event.startsWith(`{"id":${JSON.stringify(line.id)},`) || !isObject(event))
    throw fault("its event is not the one of its id");
  return line;
}

function isObject(text: string): boolean {
  try {
    const value: unknown = JSON.parse(text);
    return typeof value === "object" && value !== null && !Array.isArray(value);
  } catch {
    return false;
  }
}

function word(value: unknown): string {
  if (typeof value !== "string" || value === "") throw fault("a text is missing");
  return value;
}

function count(value: unknown): number {
  if (!Number.isSafeInteger(value) || (value as number) < 0) throw fault("a number is missing");
  return value as number;
}

function fault(message: string): AppError {
  return new AppError("invalid_command", message);
}
