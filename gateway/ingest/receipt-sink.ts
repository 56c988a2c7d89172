import type { AppError } from "../../src/errors.ts";
import type { Durability } from "../../src/wire/frame.ts";

/** A line that is in the log. */
export interface KeptLine {
  readonly line: number;
  readonly id: string;
  readonly topic: string;
  readonly durability: Durability;
  readonly partition: number;
  readonly offset: number;
}

/** Whoever reads what became of each line while the body is still being read. */
export interface ReceiptSink {
  /** Too much waits to be read: the body is not read meanwhile. */
  readonly isFull: boolean;
  kept(receipt: KeptLine): void;
  keptInOutbox(line: number, id: string, topic: string): void;
  refused(line: number, error: AppError): void;
}
