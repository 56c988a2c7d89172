import type { TokenKey } from "../token.ts";
import type { Layout, Measured } from "./generator.ts";
import type { LedgerParts } from "./ledger.ts";
import type { PaceOptions } from "./pace.ts";
import type { Address } from "./socket.ts";

export type ProtocolName = "tidegate" | "socketio" | "echo";

/** Where a load goes and as whom. */
export interface Target {
  readonly protocol: ProtocolName;
  /** Each socket goes to one of them at random. */
  readonly addresses: readonly Address[];
  /** What tokens are signed with; absent where the server asks for none. */
  readonly key?: TokenKey;
}

/** What a fleet asks of each of its processes, one at a time. */
export type Order =
  | { readonly kind: "target"; readonly target: Target; readonly firstMember: number }
  | { readonly kind: "connect"; readonly layout: Layout }
  | { readonly kind: "start"; readonly pace: PaceOptions }
  | { readonly kind: "churn"; readonly share: number }
  /** Begins what is counted and timed anew. */
  | { readonly kind: "mark" }
  /** Counts since the last mark. What has to be sent from now on is in no times. */
  | { readonly kind: "count" }
  | { readonly kind: "settle"; readonly isPatient: boolean }
  | { readonly kind: "close" };

/** The answer to each kind of order. */
export interface Answers {
  readonly target: undefined;
  readonly connect: undefined;
  readonly start: undefined;
  readonly churn: undefined;
  readonly mark: undefined;
  readonly count: Measured;
  readonly settle: { readonly ledger: LedgerParts; readonly reconnects: number };
  readonly close: undefined;
}

export type Answer =
  | { readonly value: Answers[keyof Answers] }
  | { readonly error: string; readonly value?: never };
