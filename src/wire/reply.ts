import type { z } from "zod";
import { clientError, type AppError } from "../errors.ts";
import type { Durability, ErrorBody, reconnectReasonSchema, REPLY_SCHEMAS } from "./frame.ts";

/*
 * The server's lines, without their line feed. Those of the hot path are concatenated, which costs
 * a fraction of JSON.stringify. What the server made or checked itself (numbers, codes, message
 * ids, epochs, keys) needs no escaping there; all else goes through JSON.stringify.
 */

/** The line `{}`, which the client answers with the same. */
export const HEARTBEAT = "{}";

type Replies = typeof REPLY_SCHEMAS;
type BodyOf<N extends keyof Replies> = z.infer<Replies[N]> extends Record<N, infer B> ? B : never;

/** The reply to a command, `{"id":n,"<name>":body}`. */
export function encodeReply<N extends "connect" | "refresh" | "subscribe" | "unsubscribe">(
  id: number,
  name: N,
  body: BodyOf<N>,
): string {
  return `{"id":${id},"${name}":${JSON.stringify(body)}}`;
}

/** @param body the text that {@link encodeHistory} made */
export function encodeHistoryReply(id: number, body: string): string {
  return `{"id":${id},"history":${body}}`;
}

/** The body of a history reply, on sockets and over HTTP; events go in verbatim. */
export function encodeHistory(
  epoch: string,
  head: number,
  floor: number,
  more: boolean,
  events: readonly { readonly seq: number; readonly event: string }[],
): string {
  let text = `{"epoch":"${epoch}","head":${head},"floor":${floor},"more":${more},"events":[`;
  let separator = "";
  for (const { seq, event } of events) {
    text += `${separator}{"seq":${seq},"event":${event}}`;
    separator = ",";
  }
  return `${text}]}`;
}

/** What all receipts have, for those that are put together from pieces. */
export const RECEIPT = {
  start: '{"id":',
  nextStart: '\n{"id":',
  message: ',"send":{"message":"',
  end: '"}}}',
  /** Of all this and two numbers. */
  charsMax: 64,
} as const;

/**
 * The reply to a `send`.
 *
 * @param message the message id
 * @param partition and `offset`: where the log has it; both left out while it is in the outbox
 */
export function encodeReceipt(
  id: number,
  message: string,
  durability: Durability,
  partition?: number,
  offset?: number,
): string {
  const begin = `${RECEIPT.start}${id}${RECEIPT.message}${message}`;
  if (partition === undefined || offset === undefined)
    return `${begin}","durability":"${durability}"}}`;
  return `${begin}${receiptPlace(durability, partition)}${offset}${RECEIPT.end}`;
}

const PLACES_MAX = 1_024;
const places: Readonly<Record<Durability, string[]>> = { disk: [], log: [], outbox: [] };

/** What a receipt has between the message's id and its offset: the same for all of a partition. */
export function receiptPlace(durability: Durability, partition: number): string {
  const known = places[durability];
  const text = known[partition];
  if (text !== undefined) return text;
  const made = `","durability":"${durability}","at":{"partition":${partition},"offset":"`;
  if (partition < PLACES_MAX) known[partition] = made;
  return made;
}

/** The reply that refuses a command; `id` 0 when the command had none. */
export function encodeError(id: number, error: AppError): string {
  return `{"id":${id},"error":${JSON.stringify(errorBody(error))}}`;
}

/** What a client sees of an error: never its cause, and of `internal` only the table's sentence. */
export function errorBody(error: AppError): ErrorBody {
  const { code, message, retriable, field, limit, retryAfterMs } = clientError(error);
  return {
    code,
    message,
    retriable,
    ...(field !== undefined && { field }),
    ...(limit !== undefined && { limit }),
    ...(retryAfterMs !== undefined && { retry_after_ms: Math.ceil(retryAfterMs) }),
  };
}

/**
 * @param conversationJson the name as JSON, quotes included: made once for all events
 * @param event the event's JSON text, which goes in verbatim
 */
export function encodeEventPush(conversationJson: string, seq: number, event: string): string {
  return `{"push":{"conversation":${conversationJson},"seq":${seq},"event":${event}}}`;
}

/** Comes behind the first two fields: in a name's JSON no quotation mark follows a comma so. */
export const PUSH_EVENT_FIELD = ',"event":';
export const PUSH_END = "}}";

/** What comes before the seq in each push of a conversation's events. */
export function eventPushLead(conversationJson: string): string {
  return `{"push":{"conversation":${conversationJson},"seq":`;
}

/** The event's text in a line that {@link encodeEventPush} made. */
export function eventOfPush(line: string): string {
  return line.slice(
    line.indexOf(PUSH_EVENT_FIELD) + PUSH_EVENT_FIELD.length,
    line.length - PUSH_END.length,
  );
}

/** Everything up to `seq` has been sent; what comes from now on is live. */
export function encodeLive(conversation: string, seq: number): string {
  return `{"push":{"live":{"conversation":${JSON.stringify(conversation)},"seq":${seq}}}}`;
}

/** The reader fell behind: `from` … `to` and more come at its own pace. */
export function encodeLag(conversation: string, from: number, to: number): string {
  return `{"push":{"lag":{"conversation":${JSON.stringify(conversation)},"from":${from},"to":${to}}}}`;
}

/** What the reader has is of another epoch, or no longer kept: start over at `floor`. */
export function encodeReset(conversation: string, epoch: string, floor: number): string {
  return `{"push":{"reset":{"conversation":${JSON.stringify(conversation)},"epoch":"${epoch}","floor":${floor}}}}`;
}

/** A message that had its receipt could not be placed. */
export function encodeRefused(
  conversation: string,
  key: string,
  message: string,
  code: string,
): string {
  return `{"push":{"refused":${JSON.stringify({ conversation, key, message, code })}}}`;
}

/** The socket is about to be closed: connect again after `afterMs`. */
export function encodeReconnect(
  afterMs: number,
  reason: z.infer<typeof reconnectReasonSchema>,
): string {
  return `{"push":{"reconnect":{"after_ms":${Math.ceil(afterMs)},"reason":"${reason}"}}}`;
}
