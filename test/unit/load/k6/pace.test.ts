import { expect, test } from "bun:test";
import { messagesUntil, Pace, TICK_MS } from "../../../../load/k6/lib/pace.ts";
import { planOf, type Changes } from "../../../../load/k6/lib/plan.ts";
import { SCENARIOS, type ScenarioName } from "../../../../load/k6/lib/scenarios.ts";

/** The frames that all virtual users together send, looking at the clock every so many ms. */
function framesOf(name: ScenarioName, changes: Changes, lookEveryMs: number): number[] {
  const plan = planOf(name, changes);
  const times: number[] = [];
  for (let index = 0; index < plan.vus; index++) {
    const pace = new Pace(plan, index);
    for (let now = 0; ; now += lookEveryMs) {
      const isOver = pace.advance(now, (frames, at) => {
        for (let i = 0; i < frames; i++) times.push(at);
      });
      if (isOver) break;
    }
  }
  return times.toSorted((a, b) => a - b);
}

test("every scenario sends its messages, no more and no less than a frame for each virtual user", () => {
  for (const name of Object.keys(SCENARIOS) as ScenarioName[]) {
    const plan = planOf(name, { short: true, warmUp: 0 });
    const sent = framesOf(name, { short: true, warmUp: 0 }, 7).length * plan.perFrame;
    expect(Math.abs(sent - plan.messages)).toBeLessThanOrEqual(plan.perFrame * plan.vus);
  }
});

test("messages that a late look finds due keep the times at which they were", () => {
  const changes = { seconds: 2, warmUp: 1 };
  expect(framesOf("peak", changes, 330)).toEqual(framesOf("peak", changes, 1));
});

test("virtual users take turns instead of sending at the same time", () => {
  const times = framesOf("normal", { rate: 100, seconds: 1, warmUp: 0 }, 1);
  const gaps = times.slice(1).map((time, i) => time - (times[i] ?? 0));
  expect(times).toHaveLength(100);
  expect(Math.max(...gaps)).toBeLessThanOrEqual(2 * TICK_MS);
});

test("the warm-up begins at a tenth of the rate and ends at all of it", () => {
  const times = framesOf("normal", { seconds: 1, warmUp: 2 }, 5);
  const within = (from: number): number =>
    times.filter((time) => time > from && time <= from + 100).length;
  expect(within(0)).toBeLessThan(25);
  expect(within(1_900)).toBeWithin(95, 106);
  expect(within(2_500)).toBeWithin(95, 106);
});

test("a rate that rises is the area under it", () => {
  const stages = [
    { seconds: 10, from: 0, to: 100 },
    { seconds: 1, from: 50, to: 50 },
  ];
  expect(messagesUntil(stages, 5)).toBe(125);
  expect(messagesUntil(stages, 10)).toBe(500);
  expect(messagesUntil(stages, 99)).toBe(550);
});

test("a changed rate and length keep the shape of the stages", () => {
  const plan = planOf("spike", { rate: 100, seconds: 10 });
  expect(plan.stages.map(({ to }) => to)).toEqual([10, 100, 10, 100, 10]);
  expect(plan.stages.every(({ seconds }) => seconds === 2)).toBe(true);
  expect(plan.messages).toBe(2 * (3 * 10 + 2 * 100));
});
