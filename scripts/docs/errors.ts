import { ERROR_TABLE } from "../../src/errors.ts";
import { code, tablePage } from "./document.ts";
import type { Document } from "./document.ts";

export const errorsDocument: Document = {
  path: "errors.md",
  render: () =>
    tablePage({
      title: "Errors",
      source: "`src/errors.ts`",
      intro:
        "Every code in an `error` reply, a `refused` push or a problem document. Retriable: the same request may succeed later without being changed.",
      columns: ["code", "retriable", "message"],
      rows: Object.entries(ERROR_TABLE).map(([name, row]) => [
        code(name),
        row.retriable ? "yes" : "no",
        row.message,
      ]),
    }),
};
