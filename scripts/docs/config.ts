import { SETTINGS } from "../../src/config-table.ts";
import type { Setting } from "../../src/config-table.ts";
import { code, tablePage } from "./document.ts";
import type { Document } from "./document.ts";

export const configDocument: Document = {
  path: "config.md",
  render: () =>
    tablePage({
      title: "Configuration",
      source: "`src/config-table.ts`",
      intro:
        "Every environment variable that is read. All are checked at start, and everything that is wrong is told at once. An empty variable counts as absent; an unknown one that begins with `TIDEGATE_` is refused.",
      columns: ["variable", "value", "default", "meaning"],
      rows: Object.entries(SETTINGS).map(([name, setting]: [string, Setting<unknown>]) => [
        code(name),
        setting.type,
        setting.default === undefined ? "none" : code(setting.default),
        setting.secret === true ? `${setting.doc}. Never shown` : setting.doc,
      ]),
    }),
};
