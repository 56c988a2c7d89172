import { LIMIT_TABLE } from "../../src/limits.ts";
import type { Limit } from "../../src/limits/limit.ts";
import { code, tablePage } from "./document.ts";
import type { Document } from "./document.ts";

const KIB = 1024;
const MIB = 1024 * KIB;

export const limitsDocument: Document = {
  path: "limits.md",
  render: () =>
    tablePage({
      title: "Limits",
      source: "`src/limits/`",
      intro: "Every bound there is, and what happens to the one who reaches it.",
      columns: ["limit", "value", "what it bounds", "at the limit"],
      rows: Object.entries(LIMIT_TABLE).map(([name, entry]) => [
        code(name),
        valueText(entry),
        entry.doc,
        entry.outcome,
      ]),
    }),
};

/** A limit's value with its unit: `256 KiB`, `25 s`, `1,000`, `2,000 a second`. */
export function valueText({ value, unit }: Pick<Limit, "value" | "unit">): string {
  switch (unit) {
    case "bytes":
      if (value % MIB === 0) return `${grouped(value / MIB)} MiB`;
      return value % KIB === 0 ? `${grouped(value / KIB)} KiB` : `${grouped(value)} bytes`;
    case "ms":
      return value % 1000 === 0 ? `${grouped(value / 1000)} s` : `${grouped(value)} ms`;
    case "per_second":
      return `${grouped(value)} a second`;
    case "count":
      return grouped(value);
  }
}

/** Digits in groups of three; not `toLocaleString`, which depends on the machine. */
function grouped(value: number): string {
  return String(value).replaceAll(/\B(?=(\d{3})+$)/g, ",");
}
