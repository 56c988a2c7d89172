import { expect, test } from "bun:test";
import { StoredLook } from "../../../consumers/auditor/stored-look.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const TOPIC = "conversations.acme";

function start(): { clock: SteppedClock; look: StoredLook; looks: () => number; stored: number[] } {
  const clock = new SteppedClock();
  const stored = [10, 20];
  let looks = 0;
  const store = {
    offsets: () => {
      looks++;
      return Promise.resolve(
        stored.map((nextOffset, partition) => ({ topic: TOPIC, partition, nextOffset })),
      );
    },
  };
  const look = new StoredLook({ store, clock, everyMs: 250, busyPerSecond: 1_000 });
  return { clock, look, looks: () => looks, stored };
}

test("one look serves all who wait, and the next one comes no sooner than everyMs later", async () => {
  const { clock, look, looks, stored } = start();
  await Promise.all(Array.from({ length: 1_000 }, () => look.next()));
  expect(looks()).toBe(1);
  expect(look.has({ topic: TOPIC, partition: 1 }, 20)).toBe(true);
  expect(look.has({ topic: TOPIC, partition: 1 }, 21)).toBe(false);
  stored[1] = 21;
  const next = Promise.all([look.next(), look.next()]);
  await clock.advance(249);
  expect(looks()).toBe(1);
  await clock.advance(1);
  await next;
  expect(looks()).toBe(2);
  expect(look.has({ topic: TOPIC, partition: 1 }, 21)).toBe(true);
});

test("knows nothing of a partition that was forgotten until it has looked again", async () => {
  const { clock, look } = start();
  await look.next();
  look.forget(TOPIC, 0);
  expect(look.has({ topic: TOPIC, partition: 0 }, 1)).toBe(false);
  const next = look.next();
  await clock.advance(250);
  await next;
  expect(look.has({ topic: TOPIC, partition: 0 }, 10)).toBe(true);
});

test("a look that fails tells those who wait, and the next one works", async () => {
  const clock = new SteppedClock();
  let isAway = true;
  const store = {
    offsets: () => (isAway ? Promise.reject(new Error("away")) : Promise.resolve([])),
  };
  const look = new StoredLook({ store, clock, everyMs: 250, busyPerSecond: 1_000 });
  await expect(look.next()).rejects.toThrow("away");
  isAway = false;
  const next = look.next();
  await clock.advance(250);
  await next;
});
