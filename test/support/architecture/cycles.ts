import type { Fault, SourceFile } from "./fault.ts";
import { importsOf } from "./imports.ts";

/**
 * Cycles of imports, types included: files that need each other are one noun, or one of them holds
 * two. Each cycle is told once, at its alphabetically first file.
 */
export function cycleFaults(files: readonly SourceFile[]): Fault[] {
  const paths = new Set(files.map((file) => file.path));
  const edges = new Map(
    files.map((file) => [
      file.path,
      importsOf(file)
        .map((found) => found.target)
        .filter((target) => target !== undefined && paths.has(target)) as string[],
    ]),
  );
  const done = new Set<string>();
  const faults = new Map<string, Fault>();

  const visit = (path: string, trail: string[]): void => {
    const at = trail.indexOf(path);
    if (at !== -1) {
      const cycle = trail.slice(at);
      const first = cycle.toSorted()[0] as string;
      const start = cycle.indexOf(first);
      const turned = [...cycle.slice(start), ...cycle.slice(0, start), first].join(" → ");
      faults.set(turned, { path: first, message: `is part of a cycle: ${turned}` });
      return;
    }
    if (done.has(path)) return;
    for (const next of edges.get(path) ?? []) visit(next, [...trail, path]);
    done.add(path);
  };
  for (const path of [...paths].toSorted()) visit(path, []);
  return [...faults.values()];
}
