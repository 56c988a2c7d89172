/** A generated file of `docs/reference`. */
export interface Document {
  /** Below `docs/reference`. */
  readonly path: string;
  render(): string | Promise<string>;
}

const NOTE = "Made by `bun run docs`; edit the source instead.";

/** A Markdown page with a table. Cells are plain text. */
export function tablePage(page: {
  readonly title: string;
  readonly source: string;
  readonly intro: string;
  readonly columns: readonly string[];
  readonly rows: readonly (readonly string[])[];
}): string {
  return `${pageHead(page)}\n${table(page.columns, page.rows)}`;
}

/** A page's title, where it comes from, and its first words. */
export function pageHead(page: {
  readonly title: string;
  readonly source: string;
  readonly intro: string;
}): string {
  const origin = `<!-- From ${page.source}. ${NOTE} -->`;
  return [`# ${page.title}`, "", origin, "", page.intro, ""].join("\n");
}

/** Cells are plain text. */
export function table(columns: readonly string[], rows: readonly (readonly string[])[]): string {
  const line = (cells: readonly string[]): string => `| ${cells.map(escapeCell).join(" | ")} |`;
  const rule = `| ${columns.map(() => "---").join(" | ")} |`;
  return [line(columns), rule, ...rows.map(line), ""].join("\n");
}

/** JSON as it is kept in the tree: two spaces, a line break at the end. */
export function jsonText(value: unknown): string {
  return `${JSON.stringify(value, null, 2)}\n`;
}

/** A word in a fixed-width font. */
export function code(word: string | number): string {
  return `\`${word}\``;
}

function escapeCell(text: string): string {
  return text.replaceAll("|", "\\|").replaceAll("\n", " ");
}
