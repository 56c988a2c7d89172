import { expect, test } from "bun:test";
import { LeaderWatch } from "../../src/adapters/kafka/leader-watch.ts";
import { SteppedClock } from "../support/stepped-clock.ts";

function watching() {
  const clock = new SteppedClock();
  const asked: { readonly at: number; readonly topics: readonly string[] }[] = [];
  const leaders = new Map<string, readonly number[]>([["t", [1, 2]]]);
  const away = new Set<number>();
  const state = { answers: true };
  const begun = clock.monotonic();
  const watch = new LeaderWatch({
    clock,
    refresh: (topics) => {
      asked.push({ at: clock.monotonic() - begun, topics: [...topics] });
      return state.answers ? Promise.resolve() : Promise.reject(new Error("nobody there"));
    },
    leaders: (topic) => leaders.get(topic),
    isAway: (broker) => away.has(broker),
    refreshed: () => {},
  });
  return { clock, asked, leaders, away, state, watch };
}

test("one failure is followed by one look, and what fails meanwhile by another one a little later", async () => {
  const { clock, asked, watch } = watching();
  watch.failed(["t"]);
  watch.failed(["u"]);
  watch.failed(["v"]);
  await clock.advance(1_000);
  expect(asked).toEqual([
    { at: 0, topics: ["t"] },
    { at: 250, topics: ["u", "v"] },
  ]);
});

test("looks every 250 ms until no partition is led by a broker that is away, whether somebody sends or not", async () => {
  const { clock, asked, away, leaders, watch } = watching();
  away.add(1);
  watch.failed(["t"]);
  await clock.advance(1_000);
  leaders.set("t", [-1, 2]);
  await clock.advance(500);
  leaders.set("t", [2, 2]);
  await clock.advance(5_000);
  expect(asked.map(({ at }) => at)).toEqual([0, 250, 500, 750, 1_000, 1_250, 1_500, 1_750]);
});

test("goes on while no broker answers", async () => {
  const { clock, asked, state, watch } = watching();
  state.answers = false;
  watch.failed(["t"]);
  await clock.advance(600);
  state.answers = true;
  await clock.advance(5_000);
  expect(asked.map(({ at }) => at)).toEqual([0, 250, 500, 750]);
});

test("gives up a topic that is not there, and ends when it is closed", async () => {
  const { clock, asked, away, leaders, watch } = watching();
  away.add(1);
  leaders.delete("t");
  watch.failed(["t"]);
  await clock.advance(1_000);
  expect(asked).toHaveLength(1);
  leaders.set("t", [1]);
  watch.failed(["t"]);
  await clock.advance(300);
  watch.close();
  await clock.advance(5_000);
  expect(asked).toHaveLength(3);
});
