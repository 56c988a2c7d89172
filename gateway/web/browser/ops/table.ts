import { make } from "../dom.ts";

export interface Column {
  readonly head: string;
  readonly isNumber?: boolean;
}

export type Cell = string | Node | readonly (string | Node)[];

/** A table that scrolls within its panel; what it says when there are no rows. */
export function table(
  columns: readonly Column[],
  rows: readonly (readonly Cell[])[],
  empty: string,
): HTMLElement {
  if (rows.length === 0) return make("p", "none", empty);
  const classOf = ({ isNumber }: Column): string => (isNumber === true ? "number" : "");
  const head = make("tr", "", ...columns.map((column) => make("th", classOf(column), column.head)));
  const body = rows.map((cells) =>
    make(
      "tr",
      "",
      ...cells.map((cell, i) => {
        const parts = Array.isArray(cell) ? (cell as readonly (string | Node)[]) : [cell as string];
        return make("td", classOf(columns[i] ?? { head: "" }), ...parts);
      }),
    ),
  );
  const whole = make("table", "", make("thead", "", head), make("tbody", "", ...body));
  return make("div", "scroll", whole);
}

/** Names with their values, one below the other. */
export function facts(
  rows: readonly { readonly name: string; readonly value: string; readonly tone?: string }[],
): HTMLElement {
  const list = make("dl", "facts");
  for (const { name, value, tone = "" } of rows)
    list.append(make("dt", "", name), make("dd", tone, value));
  return list;
}

/** A bar as long as a part of the whole, 0 to 1. */
export function meter(part: number, tone = ""): HTMLElement {
  const bar = make("i");
  bar.style.width = `${Math.round(Math.min(1, Math.max(0, part)) * 100)}%`;
  return make("div", `meter ${tone}`, bar);
}
