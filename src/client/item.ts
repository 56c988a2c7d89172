import type { Event } from "../wire/event.ts";
import type { SubscribeReply } from "../wire/frame.ts";

/** One event of a conversation, at its place. */
export interface EventItem {
  readonly type: "event";
  readonly conversation: string;
  readonly epoch: string;
  readonly seq: number;
  /** Keep it once this event is dealt with: a subscription from it starts with the next one. */
  readonly cursor: string;
  readonly event: Event;
}

export type ResetReason = NonNullable<SubscribeReply["reason"]>;

/** Everything there was up to `seq` has been shown; what follows is live. */
export interface LiveNotice {
  readonly type: "live";
  readonly seq: number;
}

/** The reader fell behind. Nothing is lost: what is missing follows at its own pace. */
export interface LagNotice {
  readonly type: "lag";
  readonly from: number;
  readonly to: number;
}

/**
 * The reader cannot be brought up to date without a break. `expired`: what lies between `last` and
 * `floor` is no longer kept; the next event is `floor`. `epoch_changed` and `ahead`: what was shown
 * is void; everything that is kept follows again from `floor`.
 */
export interface ResetNotice {
  readonly type: "reset";
  readonly reason: ResetReason;
  readonly epoch: string;
  readonly floor: number;
  /** The cursor that was reached before, if there was one. */
  readonly last: string | undefined;
}

export type Notice = LiveNotice | LagNotice | ResetNotice;
export type Item = EventItem | Notice;
