import { expect, test } from "bun:test";
import { Instants } from "../../../consumers/delivery/instants.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

function instants() {
  const clock = new SteppedClock();
  const one = new Instants(clock, 50);
  const calls: number[] = [];
  /** @param events that each commits */
  const wait = (count: number, events = 1) => {
    for (let i = 0; i < count; i++)
      one.next(() => {
        calls.push(clock.monotonic());
        return events;
      });
  };
  const called = () => calls.splice(0);
  return { clock, one, called, wait };
}

const times = (count: number, at: number) => Array.from({ length: count }, () => at);

test("all that wait are called at the same instant, which is one of a grid", async () => {
  const { clock, called, wait } = instants();
  await clock.advance(7);
  wait(1);
  await clock.advance(20);
  wait(2);
  await clock.advance(100);
  expect(called()).toEqual(times(3, 1_050));
});

test("who waits again at an instant is called at the next one", async () => {
  const { clock, one } = instants();
  const calls: number[] = [];
  const again = () => {
    calls.push(clock.monotonic());
    if (calls.length < 3) one.next(again);
    return 1;
  };
  one.next(again);
  await clock.advance(500);
  expect(calls).toEqual([1_050, 1_100, 1_150]);
});

test("who does not wait any longer is not called, also when another one that is called says so", async () => {
  const { clock, one } = instants();
  const calls: string[] = [];
  one.next(() => calls.push("early")).cancel();
  one.next(() => {
    second.cancel();
    return calls.push("first");
  });
  const second = one.next(() => calls.push("second"));
  await clock.advance(200);
  expect(calls).toEqual(["first"]);
});

test("the instants are further apart while many partitions have a little each", async () => {
  const { clock, called, wait } = instants();
  wait(25);
  await clock.advance(60);
  expect(called()).toEqual(times(25, 1_050));
  wait(25, 4 * 31);
  await clock.advance(139);
  expect(called()).toEqual([]);
  // A multiple of the longer gap.
  await clock.advance(1);
  expect(called()).toEqual(times(25, 1_200));
  wait(24);
  await clock.advance(200);
  expect(called()).toEqual(times(24, 1_400));
  // Those were not many any more.
  wait(25, 32);
  await clock.advance(50);
  expect(called()).toEqual(times(25, 1_450));
  // And these had much each.
  wait(1);
  await clock.advance(50);
  expect(called()).toEqual([1_500]);
});

test("whoever is waited for is called at the next one of the usual instants", async () => {
  const { clock, one, called, wait } = instants();
  wait(25);
  await clock.advance(60);
  called();
  wait(1);
  one.hurry();
  one.hurry();
  await clock.advance(40);
  expect(called()).toEqual([1_100]);
  await clock.advance(500);
  expect(called()).toEqual([]);
  // Also when nothing waits yet: what is on its way to the store was too early for it.
  wait(25);
  await clock.advance(50);
  called();
  one.hurry();
  wait(1);
  await clock.advance(50);
  expect(called()).toEqual([1_700]);
});
