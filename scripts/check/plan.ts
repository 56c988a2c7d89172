import type { SystemPackage } from "./system-package.ts";

/** One static check: a command that is green when it ends with 0. */
export interface Check {
  readonly name: string;
  /** Arguments for Bun itself. */
  readonly args: readonly string[];
}

/** One folder or file of tests. */
export interface Suite {
  readonly name: string;
  readonly path: string;
  readonly timeoutMs: number;
  readonly deadlineMs: number;
  readonly needs: readonly SystemPackage[];
  /** Whether it is given Kafka, Redis and Postgres. */
  readonly services: boolean;
}

const MINUTE_MS = 60_000;

/** In the order in which they run: the fastest answer first. */
export const CHECKS: readonly Check[] = [
  { name: "fmt", args: ["--bun", "oxfmt", "--check"] },
  { name: "lint", args: ["--bun", "oxlint"] },
  { name: "types", args: ["--bun", "tsc", "--noEmit"] },
  { name: "page-types", args: ["--bun", "tsc", "--noEmit", "-p", "gateway/web/browser"] },
  { name: "unused", args: ["--bun", "knip"] },
  { name: "spell", args: ["--bun", "cspell", "lint", "--no-progress", "."] },
  { name: "docs", args: ["scripts/docs.ts", "--check"] },
  { name: "figures", args: ["load/report.ts", "--check"] },
];

const STRACE: SystemPackage = { command: "strace", package: "strace" };
const CHROMIUM: SystemPackage = {
  command: "chromium",
  package: "chromium",
  aliases: ["chromium-browser", "google-chrome"],
};

/** A deadline is several times what the suite takes on two cores; it ends what hangs. */
export const SUITES: readonly Suite[] = [
  suite("architecture", "test/architecture.test.ts", { timeoutMs: 30_000, minutes: 1 }),
  suite("unit", "test/unit", { timeoutMs: 20_000, minutes: 4 }),
  suite("conformance", "test/conformance", { timeoutMs: 30_000, minutes: 8 }, [], true),
  suite("integration", "test/integration", { timeoutMs: 60_000, minutes: 16 }, [STRACE], true),
  suite("simulation", "test/simulation", { timeoutMs: 120_000, minutes: 5 }),
  suite("e2e", "test/e2e", { timeoutMs: 60_000, minutes: 5 }, [CHROMIUM], true),
];

/** What `--only` takes: one check, one suite, or `checks` for all of the former. */
const NAMES: readonly string[] = [
  "checks",
  ...CHECKS.map((check) => check.name),
  ...SUITES.map((entry) => entry.name),
];

/** The names that `--only a,b` asks for, or undefined for all. Throws on a name that is none. */
export function selection(args: readonly string[]): ReadonlySet<string> | undefined {
  const at = args.indexOf("--only");
  const rest = args.filter((_, index) => at === -1 || (index !== at && index !== at + 1));
  if (rest.length > 0) throw new Error(`${rest.join(" ")} is not understood here. ${usage()}`);
  if (at === -1) return undefined;
  const names = (args[at + 1] ?? "").split(",").filter((name) => name !== "");
  const wrong = names.find((name) => !NAMES.includes(name));
  if (names.length === 0 || wrong !== undefined) {
    throw new Error(`there is nothing called ${JSON.stringify(wrong ?? "")}. ${usage()}`);
  }
  return new Set(names);
}

function usage(): string {
  return `Use: bun run test [--only ${NAMES.join("|")}[,…]]`;
}

function suite(
  name: string,
  path: string,
  time: { timeoutMs: number; minutes: number },
  needs: readonly SystemPackage[] = [],
  services = false,
): Suite {
  const { timeoutMs, minutes } = time;
  return { name, path, timeoutMs, deadlineMs: minutes * MINUTE_MS, needs, services };
}
