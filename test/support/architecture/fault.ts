/** A file of the tree, as the rules see it. */
export interface SourceFile {
  /** From the root of the repository, with forward slashes. */
  readonly path: string;
  readonly text: string;
}

/** One breach of a rule, with what to do about it. */
export interface Fault {
  readonly path: string;
  readonly line?: number;
  readonly message: string;
}

export function faultText({ path, line, message }: Fault): string {
  return line === undefined ? `${path}: ${message}` : `${path}:${line}: ${message}`;
}

/** The line of an index, counted from 1. */
export function lineOf(text: string, index: number): number {
  let line = 1;
  for (let i = text.indexOf("\n"); i !== -1 && i < index; i = text.indexOf("\n", i + 1)) line++;
  return line;
}
