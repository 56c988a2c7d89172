import { textTable } from "../text-table.ts";
import type { CheckResult } from "./check.ts";

const WORDS: Readonly<Record<CheckResult["status"], string>> = {
  ok: "ok",
  warning: "WARNING",
  failed: "FAILED",
  skipped: "-",
};
const FOUND_CHARS = 90;

/** A table of all checks, then each that is not well with its cause and where to look. */
export function reportText(results: readonly CheckResult[]): string {
  const table = textTable(
    ["part", "check", "", "ms", "found"],
    results.map(({ part, name, status, found, ms }) => [
      part,
      name,
      WORDS[status],
      status === "skipped" ? "" : ms.toFixed(0),
      shorten(found),
    ]),
  );
  const unwell = results.filter(({ look }) => look !== undefined);
  const causes = unwell
    .map(
      ({ part, name, status, found, look }) =>
        `\n${WORDS[status]}: ${part}, ${name}\n  cause  ${found}\n  look   ${String(look)}\n`,
    )
    .join("");
  return `${table}${causes}\n${verdict(results)}\n`;
}

export function reportJson(results: readonly CheckResult[]): string {
  const checks = results.map((result) => ({ ...result, ms: Math.round(result.ms) }));
  return `${JSON.stringify({ ok: isWell(results), checks }, null, 2)}\n`;
}

export function isWell(results: readonly CheckResult[]): boolean {
  return results.every(({ status }) => status !== "failed");
}

function verdict(results: readonly CheckResult[]): string {
  const failed = results.filter(({ status }) => status === "failed").length;
  const warnings = results.filter(({ status }) => status === "warning").length;
  const also = warnings === 0 ? "" : `, ${warnings} to look at`;
  return failed === 0 ? `all is well${also}` : `${failed} failed${also}`;
}

function shorten(text: string): string {
  return text.length <= FOUND_CHARS ? text : `${text.slice(0, FOUND_CHARS - 1)}…`;
}
