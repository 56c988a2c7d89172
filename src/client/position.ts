import { TidegateError } from "./errors.ts";

/** Everything up to and with `seq` of `epoch` has been shown. The epoch is empty before message 1. */
export interface Position {
  readonly epoch: string;
  readonly seq: number;
}

/** The cursor of a position, or undefined while the conversation has no epoch. */
export function cursorOf(position: Position): string | undefined {
  return position.epoch === "" ? undefined : `${position.epoch}.${position.seq}`;
}

/** Throws `invalid_cursor` for what is not a cursor of this protocol. */
export function positionOf(cursor: string): Position {
  const dot = cursor.lastIndexOf(".");
  const seq = Number(cursor.slice(dot + 1));
  if (dot < 1 || dot === cursor.length - 1 || !Number.isSafeInteger(seq) || seq < 0) {
    throw new TidegateError("invalid_cursor", `Cannot read the cursor "${cursor}"`);
  }
  return { epoch: cursor.slice(0, dot), seq };
}

/** What a reader at `last` does with `seq`: shows it, has seen it, or has to ask for what is missing. */
export function place(last: number, seq: number): "next" | "seen" | "jump" {
  if (seq <= last) return "seen";
  return seq === last + 1 ? "next" : "jump";
}
