import type { HistoryReply } from "../wire/frame.ts";
import type { EventItem } from "./item.ts";

export interface HistoryOptions {
  /** The oldest events behind this cursor. Not together with `before`. */
  readonly after?: string | undefined;
  /** The newest events before this cursor's own. With neither, the newest there are. */
  readonly before?: string | undefined;
  readonly limit?: number | undefined;
}

export interface History {
  readonly epoch: string;
  readonly head: number;
  /** The first seq that is still kept. */
  readonly floor: number;
  /** Whether there is more in the direction that was asked for. */
  readonly more: boolean;
  /** In order of seq. `size` is a rough length in characters. */
  readonly events: readonly (EventItem & { readonly size: number })[];
}

const ENVELOPE_CHARS = 200;

export function historyOf(conversation: string, reply: HistoryReply): History {
  const { epoch, head, floor, more } = reply;
  const events = reply.events.map(({ seq, event }) => ({
    type: "event" as const,
    conversation,
    epoch,
    seq,
    cursor: `${epoch}.${seq}`,
    event,
    size: ENVELOPE_CHARS + JSON.stringify(event.content).length,
  }));
  return { epoch, head, floor, more, events };
}
