import { basename } from "node:path/posix";
import type { Fault, SourceFile } from "./fault.ts";

/** Ports that declare types alone, each with the reason why there is nothing to conform to. */
export type TypeOnlyPorts = Readonly<Record<string, string>>;

/**
 * Ports without a suite that runs: `test/conformance/<port>.ts` says what every adapter must do,
 * and `<port>.<adapter>.test.ts` beside it runs that on one adapter.
 */
export function portFaults(paths: readonly string[], typeOnly: TypeOnlyPorts): Fault[] {
  const faults: Fault[] = [];
  const ports = new Set<string>();
  for (const path of paths.filter((name) => name.startsWith("src/ports/"))) {
    const port = basename(path, ".ts");
    ports.add(port);
    const suite = `test/conformance/${port}`;
    const hasSuite = paths.includes(`${suite}.ts`);
    const isRun = paths.some((name) => name.startsWith(`${suite}.`) && name.endsWith(".test.ts"));
    if (typeOnly[port] !== undefined) {
      if (hasSuite) faults.push({ path, message: "has a suite and needs no exception any more" });
    } else if (!hasSuite) faults.push({ path, message: `has no suite ${suite}.ts` });
    else if (!isRun) faults.push({ path, message: `has a suite that no ${suite}.*.test.ts runs` });
  }
  for (const port of Object.keys(typeOnly)) {
    if (ports.has(port)) continue;
    faults.push({ path: `src/ports/${port}.ts`, message: "is excepted but gone" });
  }
  return faults;
}

/** Rows of a table that no test names. `quoted`: the name must stand in quotes, as a code does. */
export function mentionFaults(
  table: { readonly path: string; readonly names: readonly string[]; readonly quoted: boolean },
  tests: readonly SourceFile[],
): Fault[] {
  const text = tests.map((test) => test.text).join("\n");
  return table.names
    .filter((name) => {
      const pattern = table.quoted ? `["'\`]${name}["'\`]` : `\\b${name}\\b`;
      return !new RegExp(pattern).test(text);
    })
    .map((name) => ({ path: table.path, message: `${name} is reached by no test` }));
}
