import { expect, test } from "bun:test";
import { Rest } from "../../../consumers/delivery/rest.ts";
import type { Placed } from "../../../src/chat/sequencer.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const LIMITS = { storeRestMs: 1_000, storeRestLagMs: 50 };

function setUp() {
  const clock = new SteppedClock();
  const rests = { value: 0 };
  const rest = new Rest(clock, LIMITS, rests);
  /** Folds messages that gateways took at these times. */
  const fold = (...stamps: number[]): void =>
    rest.folded(
      stamps[0],
      stamps.map(
        (stamp) =>
          ({ event: `{"id":"m","type":"message.sent","timestamp":${stamp},"key":"k"}` }) as Placed,
      ),
    );
  return { clock, rest, rests, fold };
}

test("while folds span little there is no rest", () => {
  const { rest, fold } = setUp();
  expect(rest.rests()).toBeFalse();
  fold(5_000, 5_020, 5_050);
  fold(9_000);
  fold();
  expect(rest.rests()).toBeFalse();
});

test("a fold that spans more begins one, which ends soon after the last of them", async () => {
  const { clock, rest, fold } = setUp();
  fold(5_000, 5_020, 5_051);
  expect(rest.rests()).toBeTrue();
  await clock.advance(80);
  fold(5_080, 5_140);
  await clock.advance(80);
  expect(rest.rests()).toBeTrue();
  await clock.advance(80);
  expect(rest.rests()).toBeFalse();
});

test("delivery that stays behind has the store rest for a third of the time", async () => {
  const { clock, rest, rests, fold } = setUp();
  let resting = 0;
  for (let i = 0; i < 180; i++) {
    fold(5_000 + i, 5_060 + i);
    if (rest.rests()) resting++;
    await clock.advance(50);
  }
  expect(resting / 180).toBeCloseTo(1 / 3, 1);
  expect(rests.value).toBe(3);
});
