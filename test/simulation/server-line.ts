import type { HistoryReply, Receipt, SubscribeReply } from "../../src/wire/frame.ts";

export type HistoryAnswer = HistoryReply;

interface About {
  readonly conversation: string;
}

/** One line of the server, as far as a client looks into it. */
export interface ServerLine {
  readonly id: number;
  readonly error?: { readonly code: string; readonly retriable: boolean };
  readonly subscribe?: SubscribeReply;
  readonly send?: Receipt;
  readonly history?: HistoryAnswer;
  readonly push?: {
    readonly conversation?: string;
    readonly seq?: number;
    readonly live?: About & { readonly seq: number };
    readonly lag?: About & { readonly from: number; readonly to: number };
    readonly reset?: About & { readonly epoch: string; readonly floor: number };
    readonly refused?: About & { readonly key: string; readonly code: string };
    readonly reconnect?: { readonly after_ms: number };
  };
}

export function frameOf(line: string): ServerLine {
  return JSON.parse(line) as ServerLine;
}
