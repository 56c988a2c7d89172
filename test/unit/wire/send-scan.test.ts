import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { limitsWith } from "../../../src/limits.ts";
import { parseFrame } from "../../../src/wire/codec.ts";
import type { SendCommand } from "../../../src/wire/command.ts";
import type { Line } from "../../../src/wire/read-line.ts";
import { nestsDeeper } from "../../../src/wire/scan.ts";
import { scanSend } from "../../../src/wire/send-scan.ts";
import { sendLine } from "./send-arbitrary.ts";
import { readSlowly } from "./send-oracle.ts";

const limits = limitsWith();
const RUNS = 120_000;

function contentOf({ content, ...rest }: SendCommand): unknown {
  const { verb: _, ...fields } = rest;
  return { ...fields, content: JSON.parse(content) as unknown };
}

describe("a generated send", () => {
  const out: Line[] = [];
  const seen = { fast: 0, slow: 0, refused: 0 };

  test("is taken exactly when JSON.parse and the schema take it, with the same fields", () => {
    fc.assert(
      fc.property(sendLine, (line) => {
        // A repeated name hides nesting from the value, but not from the text.
        const expected = nestsDeeper(line, limits.frameDepthMax) ? "refused" : readSlowly(line);
        const scanned: SendCommand[] = [];
        const end = scanSend(line, 0, limits, scanned);
        const fault = parseFrame(line, limits, out);
        const [read] = out;
        const accepted = fault === undefined && read?.verb === "send" ? read : undefined;

        if (expected === "refused") {
          expect(scanned).toEqual([]);
          expect(accepted).toBeUndefined();
          seen.refused++;
          return;
        }
        expect(accepted).toBeDefined();
        const command = accepted as SendCommand;
        expect(contentOf(command)).toStrictEqual(expected);
        expect(line.replaceAll("\r", " ")).toContain(command.content);
        if (end < 0) {
          seen.slow++;
          return;
        }
        expect(end).toBe(line.length);
        expect(scanned).toStrictEqual([command]);
        seen.fast++;
      }),
      { numRuns: RUNS },
    );
    // Each way was gone often enough to prove something.
    for (const count of Object.values(seen)) expect(count).toBeGreaterThan(RUNS / 15);
  }, 60_000);
});
