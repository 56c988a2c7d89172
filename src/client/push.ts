import type { Event } from "../wire/event.ts";
import type { ErrorBody } from "../wire/frame.ts";

export interface Refusal {
  readonly conversation: string;
  readonly key: string;
  readonly message: string;
  readonly code: ErrorBody["code"];
}

/** What is under `push` in a server's line: an event of a conversation, or one named push. */
export interface Push {
  readonly conversation?: string;
  readonly seq?: number;
  readonly event?: Event;
  readonly live?: { readonly conversation: string; readonly seq: number };
  readonly lag?: { readonly conversation: string; readonly from: number; readonly to: number };
  readonly reset?: {
    readonly conversation: string;
    readonly epoch: string;
    readonly floor: number;
  };
  readonly refused?: Refusal;
  readonly reconnect?: { readonly after_ms: number; readonly reason: string };
}
