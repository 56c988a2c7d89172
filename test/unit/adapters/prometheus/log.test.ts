import { describe, expect, test } from "bun:test";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { createLog, type LogLevel } from "../../../../src/adapters/prometheus/log.ts";
import { AppError } from "../../../../src/errors.ts";

const limits = { logLineCharsMax: 2_000, logLinesPerSecondMax: 3 };

function createRig(level: LogLevel = "info") {
  const lines: Record<string, unknown>[] = [];
  const telemetry = createMemoryTelemetry();
  const time = { ms: 1_795_254_378_085 };
  const log = createLog({
    clock: { now: () => time.ms },
    limits,
    level,
    telemetry,
    write(line) {
      expect(line).toEndWith("\n");
      expect(line.indexOf("\n")).toBe(line.length - 1);
      lines.push(JSON.parse(line) as Record<string, unknown>);
    },
  });
  return { log, lines, telemetry, time };
}

describe("createLog", () => {
  test("a line is JSON with time, level, message, and fields that cannot replace those", () => {
    const { log, lines } = createRig();
    log("info", "started", { port: 8080, level: "fake", text: "two\nlines" });
    expect(lines).toEqual([
      {
        time: "2026-11-21T09:46:18.085Z",
        level: "info",
        message: "started",
        port: 8080,
        text: "two\nlines",
      },
    ]);
  });

  test("lines below the level are not written", () => {
    const { log, lines } = createRig("warn");
    log("info", "no");
    log("warn", "yes");
    log("error", "yes too");
    expect(lines.map((line) => line["message"])).toEqual(["yes", "yes too"]);
  });

  test("errors show code and causes, and a stack only when they were not expected", () => {
    const { log, lines } = createRig();
    const cause = new AppError("disk_full", undefined, { cause: new Error("ENOSPC") });
    log("error", "failed", { error: cause });
    expect(lines[0]?.["error"]).toMatchObject({ code: "disk_full", cause: { message: "ENOSPC" } });
    expect(lines[0]?.["error"]).not.toHaveProperty("stack");
    expect(lines[0]?.["error"]).toHaveProperty("cause.stack");
  });

  test("a line that is too long is cut and stays JSON", () => {
    const { log, lines } = createRig();
    log("info", "long", { text: '\\"'.repeat(50_000) });
    expect(lines[0]).toMatchObject({ level: "info", message: "long" });
    expect(lines[0]?.["truncated"]).toHaveLength(limits.logLineCharsMax);
  });

  test("lines beyond the rate are counted, and the next second's first line says how many", () => {
    const { log, lines, telemetry, time } = createRig();
    for (let i = 0; i < 10; i++) log("warn", `line ${i}`);
    expect(lines).toHaveLength(3);
    expect(telemetry.value("tidegate_log_dropped_lines_total")).toBe(7);
    time.ms += 1_000;
    log("warn", "later");
    log("warn", "last");
    expect(lines.slice(3)).toMatchObject([
      { message: "later", suppressed: 7 },
      { message: "last" },
    ]);
    expect(lines[4]).not.toHaveProperty("suppressed");
  });
});
