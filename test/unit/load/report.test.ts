import { expect, test } from "bun:test";
import {
  benchmarksPage,
  benchmarksTable,
  headlineTable,
  replaceTable,
} from "../../../load/report/page.ts";
import { plotsOf } from "../../../load/report/plots.ts";
import type { ResultRow } from "../../../load/result.ts";

const row: ResultRow = {
  name: "closed-loop",
  mode: "standalone",
  title: "Closed loop",
  commit: "abc",
  date: "2026-11-21T00:00:00.000Z",
  machine: { cpu: "X", cores: 2, memory_gib: 24, kernel: "6", bun: "1.4.5" },
  acked_per_s: 61_234.4,
  p50_ms: 2.25,
  lost: 0,
  duplicate: 1,
  reordered: 2,
  server_threads_percent: { main: 80 },
};

test("puts a row into the table, with a dash for what was not measured", () => {
  const cells = benchmarksTable([row])
    .split("\n")[2]
    ?.split("|")
    .map((cell) => cell.trim());
  expect(cells).toEqual([
    "",
    "Standalone: Closed loop",
    "61,234",
    "–",
    "2.3",
    "–",
    "–",
    "0, 1, 2",
    "abc ×1",
    "",
  ]);
  expect(benchmarksTable([row])).toContain("Measured on: X, 2 cores, 24 GiB, Linux 6, Bun 1.4.5.");
});

test("gives the README a few rows under short names", () => {
  const some: ResultRow = { ...row, name: "standalone-closed" };
  const table = headlineTable([row, some]);
  expect(table).toContain("| Standalone, one message a frame |");
  expect(table).not.toContain("Closed loop");
  expect(headlineTable([row])).toBe("Nothing was measured yet.");
});

test("lists what has no column under the row's heading", () => {
  const page = benchmarksPage([row], []);
  expect(page).toContain("### Closed loop");
  expect(page).toContain("- server threads percent: main 80");
});

test("says how the services of a cluster's rows were set, and of which rows it is known", () => {
  const set: ResultRow = { ...row, mode: "cluster", name: "a", services: "Kafka with X" };
  const other: ResultRow = { ...row, mode: "cluster", name: "b" };
  expect(benchmarksPage([row, set], [])).toContain("Services of all of these: Kafka with X.");
  const page = benchmarksPage([set, { ...set, name: "c" }, other], []);
  expect(page).toContain("Services of a, c: Kafka with X.");
  expect(page).not.toContain("- services:");
  expect(benchmarksPage([row, other], [])).not.toContain("Services of");
});

test("says how many times as much as the fastest Socket.IO", () => {
  const ours: ResultRow = { ...row, name: "standalone-closed", acked_per_s: 60_000 };
  const peers = [10_000, 24_000].map((acked_per_s, i): ResultRow => ({
    ...row,
    name: `socketio-${i}`,
    mode: "peer",
    acked_per_s,
  }));
  expect(benchmarksTable([ours, ...peers])).toContain("standalone 2.5 times as many");
});

test("plots what was measured, with the spread of its rounds", () => {
  const measured: ResultRow = {
    ...row,
    name: "standalone-closed",
    spread: { acked_per_s: [60_000, 62_000] },
  };
  const [plot, ...others] = plotsOf([measured]);
  expect(others).toEqual([]);
  expect(plot?.name).toBe("benchmarks-throughput.svg");
  expect(plot?.svg).toContain("61,234");
  expect(plot?.svg).toMatch(/<path d="M/);
  expect(benchmarksPage([measured], plot ? [plot] : [])).toContain(
    "(images/benchmarks-throughput.svg)",
  );
});

test("replaces what is between the markers and nothing else, and does so once", () => {
  const text = "before\n<!-- benchmarks:start -->\nold\n<!-- benchmarks:end -->\nafter";
  const replaced = replaceTable(text, "new");
  expect(replaced).toBe(
    "before\n<!-- benchmarks:start -->\n\nnew\n\n<!-- benchmarks:end -->\nafter",
  );
  expect(replaceTable(replaced, "new")).toBe(replaced);
});

test("says when the markers are not there", () => {
  expect(() => replaceTable("nothing", "new")).toThrow("benchmarks:start");
});
