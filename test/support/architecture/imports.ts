import { posix } from "node:path";
import { codeOf } from "./code.ts";
import { lineOf } from "./fault.ts";
import type { SourceFile } from "./fault.ts";

export interface Import {
  readonly specifier: string;
  /** The file in the repository that a relative specifier leads to, else undefined. */
  readonly target: string | undefined;
  /** Whether nothing of it is left when types are stripped. */
  readonly typeOnly: boolean;
  readonly line: number;
}

const STATEMENT = /^[ \t]*(?:import|export)\b(?:[^;"'`]*?\bfrom)?\s*(["'])/gm;
const DYNAMIC = /\bimport\(\s*(["'])/g;

/**
 * Everything that a file imports, types included. `Bun.Transpiler` knows which imports have a value
 * but drops the others, which are layer edges too; those are read from the text.
 */
export function importsOf(file: SourceFile): Import[] {
  const loader = file.path.endsWith("x") ? "tsx" : "ts";
  const values = new Set(
    new Bun.Transpiler({ loader }).scanImports(file.text).map((found) => found.path),
  );
  const code = codeOf(file.text);
  const found = new Map<string, Import>();
  for (const pattern of [STATEMENT, DYNAMIC]) {
    for (const match of code.matchAll(pattern)) {
      const mark = match[1] as string;
      const start = match.index + match[0].length;
      const specifier = file.text.slice(start, file.text.indexOf(mark, start));
      if (found.has(specifier)) continue;
      found.set(specifier, {
        specifier,
        target: targetOf(file.path, specifier),
        typeOnly: !values.has(specifier),
        line: lineOf(file.text, start),
      });
    }
  }
  return [...found.values()];
}

function targetOf(from: string, specifier: string): string | undefined {
  if (!specifier.startsWith(".")) return undefined;
  return posix.join(posix.dirname(from), specifier);
}
