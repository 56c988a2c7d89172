import { CLOSE_TABLE, shouldReconnect } from "../../src/close-codes.ts";
import { code, tablePage } from "./document.ts";
import type { Document } from "./document.ts";

export const closeCodesDocument: Document = {
  path: "close-codes.md",
  render: () =>
    tablePage({
      title: "Close codes",
      source: "`src/close-codes.ts`",
      intro:
        "Every code with which the server closes a socket. After 4000–4499 a client connects again, with jitter; after 4500–4999 it does not, since the same would happen again.",
      columns: ["code", "name", "reconnect", "reason"],
      rows: Object.entries(CLOSE_TABLE)
        .toSorted(([, a], [, b]) => a.code - b.code)
        .map(([name, row]) => [
          String(row.code),
          code(name),
          shouldReconnect(row.code) ? "yes" : "no",
          row.reason,
        ]),
    }),
};
