import { expect, test } from "bun:test";
import { dirname } from "node:path";
import { CLOSE_TABLE } from "../src/close-codes.ts";
import { ERROR_TABLE } from "../src/errors.ts";
import { LIMIT_TABLE } from "../src/limits.ts";
import { mentionFaults, portFaults } from "./support/architecture/coverage.ts";
import type { TypeOnlyPorts } from "./support/architecture/coverage.ts";
import { cycleFaults } from "./support/architecture/cycles.ts";
import { edgeFaults } from "./support/architecture/edges.ts";
import { effectFaults } from "./support/architecture/effects.ts";
import { faultText } from "./support/architecture/fault.ts";
import type { Fault } from "./support/architecture/fault.ts";
import { barrelFaults, lengthFaults, machineFaults } from "./support/architecture/shape.ts";
import { readTree } from "./support/architecture/tree.ts";

const TYPE_ONLY_PORTS: TypeOnlyPorts = {
  socket: "its adapter is the server, which the integration tests drive over real sockets",
};

const tree = await readTree(dirname(import.meta.dir));
const sources = tree.filter((file) => /\.tsx?$/.test(file.path));
// The rules' own tests name codes and limits without reaching them.
const tests = sources.filter(
  ({ path }) =>
    path.startsWith("test/") &&
    !/^test\/(architecture\.|support\/architecture|unit\/(architecture|scripts)\/)/.test(path),
);

function expectNone(faults: readonly Fault[]): void {
  expect(faults.map(faultText).join("\n")).toBe("");
}

test("the tree has sources to check", () => {
  expect(sources.length).toBeGreaterThan(40);
});

test("imports point one way", () => expectNone(sources.flatMap(edgeFaults)));

test("no imports form a cycle", () => expectNone(cycleFaults(sources)));

test("time, randomness and environment stay in adapters and mains", () =>
  expectNone(sources.flatMap(effectFaults)));

test("no file is too long to be read at once", () => expectNone(sources.flatMap(lengthFaults)));

test("no file only passes on others' exports", () => expectNone(sources.flatMap(barrelFaults)));

test("no file knows the machine it was written on", () => expectNone(tree.flatMap(machineFaults)));

test("every port has a conformance suite", () =>
  expectNone(
    portFaults(
      tree.map((file) => file.path),
      TYPE_ONLY_PORTS,
    ),
  ));

test("every error code is reached by a test", () =>
  expectNone(
    mentionFaults({ path: "src/errors.ts", names: Object.keys(ERROR_TABLE), quoted: true }, tests),
  ));

test("every close code is reached by a test", () =>
  expectNone(
    mentionFaults(
      { path: "src/close-codes.ts", names: Object.keys(CLOSE_TABLE), quoted: true },
      tests,
    ),
  ));

test("every limit is reached by a test", () =>
  expectNone(
    mentionFaults({ path: "src/limits.ts", names: Object.keys(LIMIT_TABLE), quoted: false }, tests),
  ));
