import { basename } from "node:path/posix";
import { codeOf } from "./code.ts";
import { lineOf } from "./fault.ts";
import type { Fault, SourceFile } from "./fault.ts";

const LINES_MAX = 400;
// Written in parts, so that this file does not break its own rule.
const MACHINE_PATH = new RegExp(
  `(?<![\\w.@:/-])(?:/(?:${["work", "root", "Users", "home"].join("|")})/[\\w.-]+|[A-Z]:\\\\\\\\?Users)`,
  "g",
);
const REGISTRY = new RegExp(
  `\\b(?:registry\\.(?:${["npmjs", "yarnpkg"].join("|")})\\.\\w+|npm\\.pkg\\.github\\.com)\\b`,
  "g",
);

/** A file that is too long to be read at once. */
export function lengthFaults({ path, text }: SourceFile): Fault[] {
  const lines = text.split("\n").length - (text.endsWith("\n") ? 1 : 0);
  if (lines <= LINES_MAX) return [];
  return [{ path, message: `has ${lines} lines; split it by noun, ${LINES_MAX} at most` }];
}

/** A file that only passes on what others export. */
export function barrelFaults({ path, text }: SourceFile): Fault[] {
  if (/^index\.[cm]?[jt]sx?$/.test(basename(path))) {
    return [{ path, message: "is called index; name the file after what it holds" }];
  }
  const code = codeOf(text);
  const star = /^export \*/m.exec(code);
  if (star !== null) {
    return [{ path, line: lineOf(code, star.index), message: "has export *; import the source" }];
  }
  const rest = code.replaceAll(/^export (?:type )?\{[^}]*\} from\s*["'] *["'];?/gm, "").trim();
  if (rest !== "" || code.trim() === "") return [];
  return [{ path, message: "only passes on others' exports; import the source" }];
}

/** Traces of the machine that a file was written on. Any text file. */
export function machineFaults({ path, text }: SourceFile): Fault[] {
  const faults: Fault[] = [];
  for (const [pattern, what] of [
    [MACHINE_PATH, "path"],
    [REGISTRY, "registry host"],
  ] as const) {
    for (const match of text.matchAll(pattern)) {
      const message = `has the ${what} ${match[0]} of one machine`;
      faults.push({ path, line: lineOf(text, match.index), message });
    }
  }
  if (basename(path) === "bun.lock") {
    const address = /https?:\/\/\S+?["\s]/.exec(text);
    if (address !== null) {
      const line = lineOf(text, address.index);
      faults.push({ path, line, message: "holds the address of a registry; install without one" });
    }
  }
  return faults;
}
