import type { SpanAttributes } from "../../src/ports/tracer.ts";

/** How a message came in, for the first span of its trace. */
export interface Entry {
  readonly name: string;
  /** Those of all that come in this way: one object. */
  readonly attributes: SpanAttributes;
  /** Monotonic ms of its first byte's being looked at; the time of its submission when absent. */
  readonly startedAt?: number;
  /** Monotonic ms from when on its sender was known, where that took time of its own. */
  readonly authorizedAt?: number;
}

/** By a socket, whose token was checked when it connected. */
export const SOCKET_ENTRY: Entry = {
  name: "send tidegate.v1",
  attributes: { "network.protocol.name": "websocket" },
};

const HTTP_NAME = "POST /v1/conversations/{conversation}/messages";
const HTTP_ATTRIBUTES: SpanAttributes = {
  "http.request.method": "POST",
  "http.route": "/v1/conversations/{conversation}/messages",
  "network.protocol.name": "http",
};

/** By `POST /v1/conversations/{conversation}/messages`. */
export function httpEntry(startedAt: number, authorizedAt: number): Entry {
  return {
    name: HTTP_NAME,
    attributes: HTTP_ATTRIBUTES,
    startedAt,
    authorizedAt,
  };
}
