import { expect, test } from "bun:test";
import type { SecondLine } from "../../../../load/k6/lib/second.ts";
import { quantile, Timeline } from "../../../../load/k6/runner/timeline.ts";

const START = 1_000_000;

function line(vu: number, at: number, changes: Partial<SecondLine> = {}): SecondLine {
  const counts = { sent: 100, acked: 90, delivered: 200, errors: 0, sockets: 5, late: 0 };
  return { at: START + at, vu, ms: 1_000, measured: true, ...counts, latency: {}, ...changes };
}

function timelineOf(lines: readonly SecondLine[]): Timeline {
  const timeline = new Timeline();
  for (const one of lines) timeline.add(one);
  return timeline;
}

test("virtual users that tell at different moments make one even curve", () => {
  const lines = [1, 2, 3, 4, 5].flatMap((i) => [line(1, i * 1_000), line(2, i * 1_000 + 500)]);
  const points = timelineOf(lines).points();
  expect(points.slice(1, 5).map(({ ackedRate }) => ackedRate)).toEqual([180, 180, 180, 180]);
  expect(points.slice(1, 5).map(({ sockets }) => sockets)).toEqual([10, 10, 10, 10]);
});

test("no message is lost or doubled by sharing lines out among seconds", () => {
  const lines = [line(1, 700, { ms: 700 }), line(1, 1_913, { ms: 1_213 }), line(2, 1_450)];
  const points = timelineOf(lines).points();
  expect(points.reduce((sum, { sentRate }) => sum + sentRate, 0)).toBeCloseTo(300);
});

test("a second's latency is that of all virtual users", () => {
  const lines = [
    line(1, 1_000, { latency: { "3": 50, "9": 49 } }),
    line(2, 1_010, { latency: { "3": 0, "700": 1 } }),
  ];
  expect(timelineOf(lines).points()[0]).toMatchObject({ p50: 3, p99: 9 });
});

test("the rates are those after the warm-up and before the waiting", () => {
  const lines = [
    line(1, 1_000, { measured: false, sent: 5 }),
    line(1, 2_000),
    line(1, 3_000),
    line(1, 4_000, { sent: 0, acked: 20 }),
  ];
  expect(timelineOf(lines).measured()).toMatchObject({ seconds: 2, sentRate: 100, ackedRate: 90 });
});

test("a run that sent nothing has rates of nothing", () => {
  expect(timelineOf([]).measured()).toMatchObject({ seconds: 0, ackedRate: 0 });
  expect(timelineOf([]).points()).toEqual([]);
});

test("shares of a core are those of the measured time", () => {
  const timeline = timelineOf([line(1, 1_000, { measured: false }), line(1, 2_000)]);
  for (const [at, k6] of [
    [0, 0],
    [1_000, 0.9],
    [2_000, 1.2],
    [3_000, 9],
  ] as const)
    timeline.addCpu({ at: START + at, seconds: { k6 } });
  expect(timeline.measured().cpu).toEqual({ k6: 30 });
});

test("a line of progress tells of a second that is over", () => {
  const timeline = timelineOf([1, 2, 3, 4].map((i) => line(1, i * 1_000, { acked: i })));
  expect(timeline.latest(1)).toMatchObject({ at: 1, ackedRate: 2 });
});

test("quantiles are values that were there", () => {
  const counts = new Map([
    [5, 98],
    [40, 1],
    [900, 1],
  ]);
  expect([0.5, 0.99, 0.999].map((share) => quantile(counts, share))).toEqual([5, 40, 900]);
  expect(quantile(new Map(), 0.5)).toBeUndefined();
});
