/** What has to be over before the line at hand can go on. */
export type Hurdle =
  | { readonly kind: "turn" | "room" | "gate" | "fresh" }
  | { readonly kind: "topic"; readonly type: string }
  | { readonly kind: "later"; readonly ms: number };

/** Sockets have their turn of the event loop. */
export const TURN: Hurdle = { kind: "turn" };
/** Enough of the body has its outcome. */
export const ROOM: Hurdle = { kind: "room" };
/** The log has enough before it. */
export const GATE: Hurdle = { kind: "gate" };
/** All that was in the outbox before is known. */
export const FRESH: Hurdle = { kind: "fresh" };
