import { codeOf } from "./code.ts";
import { lineOf } from "./fault.ts";
import type { Fault, SourceFile } from "./fault.ts";
import { layerOf } from "./layers.ts";

/** What makes a run different from the next one, and where to get it instead. */
const EFFECTS: readonly { readonly pattern: RegExp; readonly instead: string }[] = [
  { pattern: /(?<![.\w])Date\.now\b/g, instead: "take the Clock port's now()" },
  { pattern: /(?<![.\w])(?:new )?Date\(\s*\)/g, instead: "take the Clock port's now()" },
  { pattern: /(?<![.\w])performance\.\w+/g, instead: "take the Clock port's monotonic()" },
  {
    pattern: /(?<![.\w])(?:setTimeout|setInterval|setImmediate)\b/g,
    instead: "take the Clock port's after(), every() or defer()",
  },
  { pattern: /(?<![.\w])Math\.random\b/g, instead: "take the Random port" },
  { pattern: /(?<![.\w])crypto\.\w+/g, instead: "take the Random or the Digest port" },
  { pattern: /(?<![.\w])process\.\w+/g, instead: "let the main pass it in" },
  { pattern: /\bimport\.meta\.env\b/g, instead: "let the main pass it in" },
  { pattern: /(?<![.\w])Bun\.\w+/g, instead: "put it into an adapter behind a port" },
  { pattern: /(?<![.\w])console\.\w+/g, instead: "take the Telemetry port's log()" },
];
const GLOBAL_PREFIX = /\bglobalThis\??\./g;

/** Uses of time, randomness, environment, `Bun` and the console where they may not be. */
export function effectFaults(file: SourceFile): Fault[] {
  const layer = layerOf(file.path);
  if (layer === undefined || layer.effects) return [];
  const code = codeOf(file.text).replaceAll(GLOBAL_PREFIX, (text) => " ".repeat(text.length));
  return EFFECTS.flatMap(({ pattern, instead }) =>
    [...code.matchAll(pattern)].map((match) => ({
      path: file.path,
      line: lineOf(code, match.index),
      message: `uses ${match[0].trim()}, which ${layer.name} may not: ${instead}`,
    })),
  );
}
