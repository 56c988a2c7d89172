import type { CloseReason } from "../close-codes.ts";
import { AppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import { COMMAND_SCHEMAS, type Command, type Verb } from "./command.ts";
import { parseObject } from "./json-object.ts";
import { firstRefusal } from "./refusal.ts";
import { nestsDeeper, sliceMember } from "./scan.ts";
import { checkSend } from "./send-check.ts";

/** Why the socket that sent a frame is closed. */
export type FrameFault = Extract<
  CloseReason,
  "malformed_frame" | "frame_too_large" | "frame_too_deep" | "too_many_lines"
>;

/** A line that is an object but no command; its error goes back under `id`, and the socket stays. */
export interface InvalidCommand {
  readonly verb: "invalid";
  /** The command's own id, 0 when it has none or a wrong one. */
  readonly id: number;
  readonly error: AppError;
}

/** The line `{}`: the client's answer to a heartbeat. */
export interface Pong {
  readonly verb: "pong";
}

export type Line = Command | InvalidCommand | Pong;

const PONG: Pong = { verb: "pong" };
const SHOWN_CHARS_MAX = 40;

/**
 * Reads one line of a frame, whatever it is, by JSON.parse and the schemas: slower than `scanSend`,
 * and the only one that can say what is wrong.
 *
 * @param line not blank, without line feeds
 */
export function readLine(line: string, limits: Limits): Line | FrameFault {
  if (nestsDeeper(line, limits.frameDepthMax)) return "frame_too_deep";
  const value = parseObject(line);
  if (value === undefined) return "malformed_frame";
  const names = Object.keys(value);
  if (names.length === 0) return PONG;

  const id = value["id"];
  if (typeof id !== "number" || !Number.isSafeInteger(id) || id < 1) {
    const fault = id === undefined ? "is missing" : "is not an integer from 1";
    return invalid(0, new AppError("invalid_command", `id ${fault}`, { field: "id" }));
  }
  const verb = findVerb(names);
  if (verb instanceof AppError) return invalid(id, verb);
  const body = value[verb];
  if (verb !== "send") {
    const result = COMMAND_SCHEMAS[verb].safeParse(body);
    if (!result.success) return invalid(id, firstRefusal(verb, body, result.error));
    // The compiler does not connect a verb with the output of its schema.
    return { verb, id, ...result.data } as Command;
  }
  const raw = sliceMember(line.replaceAll("\r", " "), "send");
  if (raw === undefined) return "frame_too_deep";
  const checked = checkSend(body, raw, limits);
  if (checked instanceof AppError) return invalid(id, checked);
  return { verb, id, ...checked };
}

function findVerb(names: readonly string[]): Verb | AppError {
  const verbs = names.filter((name): name is Verb => Object.hasOwn(COMMAND_SCHEMAS, name));
  const [verb] = verbs;
  if (verbs.length > 1)
    return new AppError("invalid_command", `the command has several verbs: ${verbs.join(", ")}`);
  if (verb !== undefined) return verb;
  const unknown = names.find((name) => name !== "id");
  if (unknown === undefined) return new AppError("invalid_command", "the command has no verb");
  const field = unknown.slice(0, SHOWN_CHARS_MAX);
  return new AppError("unknown_verb", `there is no command "${field}"`, { field });
}

function invalid(id: number, error: AppError): InvalidCommand {
  return { verb: "invalid", id, error };
}
