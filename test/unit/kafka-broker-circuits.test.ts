import { expect, test } from "bun:test";
import { ANY_BROKER, BrokerCircuits } from "../../src/kafka/broker-circuits.ts";

function made() {
  const clock = { ms: 0, monotonic: () => clock.ms };
  const circuits = new BrokerCircuits(clock);
  const breakDown = (broker: number): void => {
    for (let i = 0; i < 5; i++) {
      clock.ms += 250;
      circuits.failed(broker);
    }
  };
  return { clock, circuits, breakDown };
}

test("a broker that failed five times, counted every 250 ms, is left alone", () => {
  const { clock, circuits } = made();
  for (let i = 0; i < 100; i++) {
    clock.ms += 10;
    circuits.failed(1);
  }
  expect(circuits.isAway(1)).toBe(false);
  clock.ms += 250;
  circuits.failed(1);
  expect([circuits.isAway(1), circuits.isAway(2), circuits.open]).toEqual([true, false, 1]);
  expect(circuits.refusal(1)).toMatchObject({ code: "log_unavailable" });
  expect(circuits.refusal(2)).toBeUndefined();
});

test("while a broker is tried, others are told that it will soon be known whether it is back", () => {
  const { clock, circuits, breakDown } = made();
  breakDown(1);
  expect(circuits.refusal(1)).toBeDefined();
  expect(circuits.isTried(1)).toBe(false);
  clock.ms += 1_000;
  expect(circuits.refusal(1)).toBeUndefined();
  expect(circuits.refusal(1)).toBeDefined();
  expect(circuits.isTried(1)).toBe(true);
  circuits.failed(1);
  expect(circuits.isTried(1)).toBe(false);
});

test("a broker that left the cluster begins anew when it is back", () => {
  const { circuits, breakDown } = made();
  for (const broker of [1, 2, ANY_BROKER]) breakDown(broker);
  circuits.keep(new Map([[2, "there"]]));
  expect([1, 2, ANY_BROKER].map((broker) => circuits.isAway(broker))).toEqual([false, true, true]);
  expect(circuits.refusal(1)).toBeUndefined();
});
