import { expect, test } from "bun:test";
import { closingLine, suiteOutcome } from "../../../scripts/check/outcome.ts";
import { selection } from "../../../scripts/check/plan.ts";

const summary = (counts: string): string =>
  `test/a.test.ts:\n(fail) x\n\n${counts}\n 4 expect() calls\nRan 5 tests across 2 files. [11.00ms]\n`;

test("reads the counts of a run", () => {
  const output = summary(" 12 pass\n 1 skip\n 1 todo\n 2 fail");
  expect(suiteOutcome({ exitCode: 1, output }, false)).toEqual({
    passed: 12,
    failed: 2,
    skipped: 2,
  });
});

test("counts a skipped test as failed in CI", () => {
  const output = summary(" 12 pass\n 1 skip\n 1 todo\n 0 fail");
  expect(suiteOutcome({ exitCode: 0, output }, true).failed).toBe(2);
  expect(suiteOutcome({ exitCode: 0, output }, false).failed).toBe(0);
});

test("takes the last counts when a test printed some itself", () => {
  const output = ` 99 pass\n 0 fail\n${summary(" 1 pass\n 1 fail")}`;
  expect(suiteOutcome({ exitCode: 1, output }, false)).toEqual({
    passed: 1,
    failed: 1,
    skipped: 0,
  });
});

test("a run that crashes after green tests has failed", () => {
  const output = summary(" 12 pass\n 0 fail");
  expect(suiteOutcome({ exitCode: 139, output }, false)).toEqual({
    passed: 12,
    failed: 1,
    skipped: 0,
  });
});

test("a run without any test has failed", () => {
  expect(suiteOutcome({ exitCode: 0, output: "" }, false).failed).toBe(1);
});

test("sums all steps in the closing line", () => {
  expect(
    closingLine([
      { passed: 3, failed: 0, skipped: 1 },
      { passed: 4, failed: 2, skipped: 0 },
    ]),
  ).toBe("7 passed, 2 failed");
});

test("selects steps by name and refuses a name that is none", () => {
  expect(selection(["--only", "unit,lint"])).toEqual(new Set(["unit", "lint"]));
  expect(selection([])).toBeUndefined();
  expect(() => selection(["--only", "units"])).toThrow('nothing called "units"');
  expect(() => selection(["--only"])).toThrow("nothing called");
  expect(() => selection(["unit"])).toThrow("unit is not understood");
});
