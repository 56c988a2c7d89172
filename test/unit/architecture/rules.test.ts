import { expect, test } from "bun:test";
import { mentionFaults, portFaults } from "../../support/architecture/coverage.ts";
import { effectFaults } from "../../support/architecture/effects.ts";
import { faultText } from "../../support/architecture/fault.ts";
import { barrelFaults, lengthFaults, machineFaults } from "../../support/architecture/shape.ts";

test.each([
  "const t = Date.now();",
  "const t = new Date();",
  "const t = performance.now();",
  "const r = Math.random();",
  "const id = crypto.randomUUID();",
  "const e = process.env;",
  "setTimeout(run, 10);",
  "const timer = setInterval;",
  "setImmediate(run);",
  "await Bun.write(path, text);",
  'console.log("x");',
  "globalThis.setTimeout(run, 10);",
  "const text = `${Date.now()}`;",
])("a pure file may not have: %s", (text) => {
  for (const path of ["src/chat/x.ts", "gateway/x.ts", "consumers/x.ts", "src/client/x.ts"]) {
    expect(effectFaults({ path, text })).toHaveLength(1);
  }
  for (const path of ["src/adapters/bun/x.ts", "gateway/main.ts", "cli/x.ts", "test/x.ts"]) {
    expect(effectFaults({ path, text })).toEqual([]);
  }
});

test.each([
  "const t = clock.now();",
  "const d = new Date(timestamp);",
  "options.setTimeout(run);",
  "// Date.now() would differ in each run",
  'throw new Error("Bun.serve failed");',
  "const processed = process(record);",
])("a pure file may have: %s", (text) => {
  expect(effectFaults({ path: "src/chat/x.ts", text })).toEqual([]);
});

test("an effect is told with its line and what to do", () => {
  const [fault] = effectFaults({ path: "src/chat/x.ts", text: "a();\nconst r = Math.random();" });
  expect(faultText(fault ?? { path: "", message: "" })).toBe(
    "src/chat/x.ts:2: uses Math.random, which chat may not: take the Random port",
  );
});

test("a file of 400 lines is the longest", () => {
  const lines = (count: number): string => "x();\n".repeat(count);
  expect(lengthFaults({ path: "a.ts", text: lines(400) })).toEqual([]);
  expect(lengthFaults({ path: "a.ts", text: lines(401) })[0]?.message).toContain("401 lines");
});

test("a barrel is refused, an export beside code is not", () => {
  const of = (path: string, text: string): number => barrelFaults({ path, text }).length;
  expect(of("src/wire/index.ts", "export const a = 1;")).toBe(1);
  expect(of("src/wire/all.ts", 'export * from "./a.ts";')).toBe(1);
  expect(
    of("src/wire/all.ts", 'export { a } from "./a.ts";\nexport type { B } from "./b.ts";'),
  ).toBe(1);
  expect(of("src/wire/all.ts", 'export { a } from "./a.ts";\nexport const c = 1;')).toBe(0);
  expect(of("src/wire/all.ts", 'import "./a.ts";')).toBe(0);
});

test("a path of a machine or a registry's host is refused in any file", () => {
  const of = (text: string, path = "docs/x.md"): number => machineFaults({ path, text }).length;
  for (const folder of ["home", "Users", "root", "work"]) {
    expect(of(`see /${folder}/ana/tidegate`)).toBe(1);
    expect(of(`"/${folder}/x"`)).toBe(1);
  }
  expect(of(["https://registry", "npmjs", "org/zod"].join("."))).toBe(1);
  expect(of('"zod": ["zod@4.6.7", "https://mirror.example/zod.tgz", {}]', "bun.lock")).toBe(1);
  expect(of(`https://example.com/${"work"}/x and src/${"work"}/y and /${"homes"}/z`)).toBe(0);
});

test("a port needs a suite that runs, or a reason", () => {
  const suite = ["test/conformance/clock.ts", "test/conformance/clock.memory.test.ts"];
  const paths = ["src/ports/clock.ts", "src/ports/event-log.ts", ...suite];
  const of = (more: readonly string[], typeOnly = {}): string[] =>
    portFaults([...paths, ...more], typeOnly).map(faultText);
  expect(of([])).toEqual(["src/ports/event-log.ts: has no suite test/conformance/event-log.ts"]);
  expect(of(["test/conformance/event-log.ts"])[0]).toContain("a suite that no");
  expect(
    of(["test/conformance/event-log.ts", "test/conformance/event-log.sqlite.test.ts"]),
  ).toEqual([]);
  expect(of([], { "event-log": "declares types alone" })).toEqual([]);
  expect(of([], { "event-log": "types", clock: "types" })[0]).toContain("no exception any more");
  expect(of([], { "event-log": "types", gone: "types" })[0]).toContain("excepted but gone");
});

test("a row that no test names is told", () => {
  const table = { path: "src/errors.ts", names: ["closed", "fenced"], quoted: true };
  const tests = [{ path: "test/x.test.ts", text: 'expect(code).toBe("fenced"); // closed' }];
  expect(mentionFaults(table, tests).map(faultText)).toEqual([
    "src/errors.ts: closed is reached by no test",
  ]);
  expect(mentionFaults({ ...table, quoted: false }, tests)).toEqual([]);
});
