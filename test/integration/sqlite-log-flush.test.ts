import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { startProgram } from "../support/program.ts";
import { checkFlushes, parseTrace, straceCommand } from "../support/strace.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const RECORDS = 60;

async function traceAppends(options: object) {
  using folder = createTempFolder();
  const log = join(folder.path, "log");
  const trace = join(folder.path, "trace");
  await using program = startProgram(
    "append-fixture.ts",
    [log, String(RECORDS), JSON.stringify(options)],
    straceCommand(trace),
  );
  expect([await program.ended, program.errors()]).toEqual([0, ""]);
  const calls = parseTrace(readFileSync(trace, "utf8"));
  const acks = calls.flatMap((call) => {
    const offset = /^1<.*"acked (\d+)\\n"/.exec(call.args)?.[1];
    return call.name === "write" && offset !== undefined
      ? [{ call, mark: `<mark-${offset}>` }]
      : [];
  });
  return checkFlushes(calls, acks, log);
}

describe("what an acknowledgement rests on", () => {
  test("no append is acknowledged before the flush that covers it has returned", async () => {
    const verdict = await traceAppends({});
    expect(verdict.early).toEqual([]);
    expect(verdict.acks).toBe(RECORDS);
    expect(verdict.flushes).toBeGreaterThan(5);
  }, 60_000);

  test("the check catches a log that does not flush", async () => {
    const verdict = await traceAppends({ synchronousForTests: "OFF" });
    expect(verdict.acks).toBe(RECORDS);
    expect(verdict.early).toHaveLength(RECORDS);
  }, 60_000);
});
