import type { MessageKind } from "../wire/content.ts";
import type { Receipt } from "../wire/frame.ts";

export interface SendOptions {
  /** `text` when absent. */
  readonly kind?: MessageKind | undefined;
  /** The message's own key, at least 96 random bits; a new UUIDv7 when absent. */
  readonly key?: string | undefined;
  /** Your own trace (W3C Trace Context), which the message's goes on with on every try of this page. */
  readonly traceparent?: string | undefined;
}

/** A message on its way. */
export interface Sending {
  readonly conversation: string;
  readonly key: string;
  readonly kind: MessageKind;
  readonly content: object;
  /** Resolves when the server has it for good; rejects when it is refused, or was not taken. */
  readonly receipt: Promise<Receipt>;
}
