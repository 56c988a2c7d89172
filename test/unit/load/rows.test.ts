import { expect, test } from "bun:test";
import { Arguments } from "../../../load/arguments.ts";
import { ROWS } from "../../../load/bench/rows.ts";
import { readResults } from "../../../load/result.ts";

test("every row has a name of its own", () => {
  const names = ROWS.map(({ name }) => name);
  expect(new Set(names).size).toBe(names.length);
});

test("rows that share servers stand together, so that a round starts them once", () => {
  const stages = ROWS.map((row) => (row.kind === "load" ? row.stage : undefined));
  const starts = stages.filter((stage, i) => stage !== undefined && stage !== stages[i - 1]);
  expect(new Set(starts).size).toBe(starts.length);
});

test("every recorded figure says what it was measured on", () => {
  for (const row of readResults()) {
    expect(row.commit).toMatch(/^[0-9a-f]{12}\+?$/);
    expect(row.machine.cores).toBeGreaterThan(0);
    expect(Number.isNaN(Date.parse(row.date))).toBe(false);
  }
});

test("reads settings to try out, and names what is none", () => {
  expect(new Arguments(["--set=A=1,B=x=y"]).pairs("set")).toEqual({ A: "1", B: "x=y" });
  expect(new Arguments([]).pairs("set")).toEqual({});
  expect(() => new Arguments(["--set=A"]).pairs("set")).toThrow("NAME=value");
});
