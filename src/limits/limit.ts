/** One bound of the system: what it limits, in which unit, and what happens when it is reached. */
export interface Limit {
  readonly value: number;
  readonly unit: "bytes" | "count" | "ms" | "per_second";
  readonly doc: string;
  /** What the one who reaches it sees. */
  readonly outcome: string;
}

/** A row of the tables beside this file. */
export const limit = (value: number, unit: Limit["unit"], doc: string, outcome: string): Limit => ({
  value,
  unit,
  doc,
  outcome,
});

export const KiB = 1024;
export const MiB = 1024 * 1024;
