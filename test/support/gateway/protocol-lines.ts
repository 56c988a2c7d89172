import type { z } from "zod";
import { PUSH_SCHEMAS, REPLY_SCHEMAS, type ErrorBody } from "../../../src/wire/frame.ts";

type Replies = typeof REPLY_SCHEMAS;
type Pushes = typeof PUSH_SCHEMAS;

/** A verb that is answered by a reply of its own name. */
export type ReplyName = Exclude<keyof Replies, "error">;
export type ReplyBody<V extends ReplyName> =
  z.infer<Replies[V]> extends Record<V, infer B> ? B : never;
export type PushName = Exclude<keyof Pushes, "event">;
export type Push<N extends PushName> = z.infer<Pushes[N]> extends Record<N, infer B> ? B : never;
export type EventPush = z.infer<Pushes["event"]>;

export type Json = Readonly<Record<string, unknown>>;

/** One line of the server, checked against the schema of what it says it is. */
export type ServerLine =
  | { readonly kind: "heartbeat" }
  | { readonly kind: "reply"; readonly id: number; readonly name: ReplyName; readonly body: Json }
  | { readonly kind: "error"; readonly id: number; readonly error: ErrorBody }
  | { readonly kind: "event"; readonly push: EventPush }
  | {
      readonly kind: "push";
      readonly name: PushName;
      readonly body: Json;
    };

/** @throws Error when the line is none of the protocol */
export function readServerLine(text: string): ServerLine {
  const value = JSON.parse(text) as Json;
  if (Object.keys(value).length === 0) return { kind: "heartbeat" };
  if (value["push"] !== undefined) return readPush(value["push"] as Json);
  const id = Number(value["id"]);
  if (value["error"] !== undefined) {
    return { kind: "error", id, error: REPLY_SCHEMAS.error.parse(value).error };
  }
  const name = Object.keys(value).find((key): key is ReplyName => key in REPLY_SCHEMAS);
  if (name === undefined) throw new Error(`not a line of the protocol: ${text.slice(0, 200)}`);
  REPLY_SCHEMAS[name].parse(value);
  return { kind: "reply", id, name, body: value[name] as Json };
}

function readPush(value: Json): ServerLine {
  if (value["event"] !== undefined) return { kind: "event", push: PUSH_SCHEMAS.event.parse(value) };
  for (const name of ["live", "lag", "reset", "refused", "reconnect"] as const) {
    if (value[name] === undefined) continue;
    PUSH_SCHEMAS[name].parse(value);
    return { kind: "push", name, body: value[name] as Json };
  }
  throw new Error(`not a push of the protocol: ${JSON.stringify(value).slice(0, 200)}`);
}
