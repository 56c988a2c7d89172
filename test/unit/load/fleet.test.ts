import { expect, test } from "bun:test";
import { Fleet, split } from "../../../load/native/fleet.ts";
import { Histogram } from "../../../load/native/histogram.ts";
import { Ledger, mergeLedgers, noFaults } from "../../../load/native/ledger.ts";
import { FakeGateway } from "../../support/fake-gateway.ts";

test("shares rooms out evenly, and none twice", () => {
  expect(split(100, 3)).toEqual([33, 33, 34]);
  expect(split(1, 2)).toEqual([0, 1]);
});

test("merges histograms as if all values had been recorded in one", () => {
  const [one, other, both] = [new Histogram(), new Histogram(), new Histogram()];
  for (let i = 0; i < 1_000; i++) {
    const value = ((i * 7_919) % 1_000) ** 2 / 100;
    (i % 3 === 0 ? one : other).record(value);
    both.record(value);
  }
  const merged = Histogram.merge([one.parts(), other.parts()]);
  expect(merged.parts()).toEqual(both.parts());
  expect(merged.quantileMs(0.99)).toBe(both.quantileMs(0.99));
});

test("merges ledgers to the sum of all that they counted", () => {
  const ledgers = [1, 2].map((messages) => {
    const ledger = new Ledger();
    ledger.timeFrom(0);
    for (let i = 0; i < messages; i++) ledger.receipt(ledger.send(0, 1), true);
    ledger.now = 5;
    ledger.refuse(ledger.send(0, 1), "rate_limited");
    ledger.durabilities.set("log", messages);
    return ledger.parts();
  });
  const merged = mergeLedgers(ledgers);
  expect(merged).toMatchObject({ sent: 5, acked: 3, faults: { ...noFaults(), refused: 2 } });
  expect(merged.durabilities.get("log")).toBe(3);
  expect(merged.refusals.get("rate_limited")).toBe(2);
  expect(merged.receiptTimes.total).toBe(3);
});

test("runs one load from two processes and counts it as one", async () => {
  await using gateway = new FakeGateway({ dropAt: 30 });
  await using fleet = await Fleet.start(gateway.target, 2);
  await fleet.connect({ sockets: 8, roomSize: 2 });
  await fleet.start({ kind: "closed", window: 4, perFrame: 5, framesMax: 10 });
  const settled = await fleet.settle(true);
  expect(settled).toMatchObject({ sent: 400, acked: 400, delivered: 799 });
  expect(settled.faults).toEqual({ ...noFaults(), lost: 1 });
});

test("keeps the rate of an open loop when one process has all of the rooms", async () => {
  await using gateway = new FakeGateway();
  await using fleet = await Fleet.start(gateway.target, 2);
  await fleet.connect({ sockets: 4, roomSize: 4 });
  await fleet.start({ kind: "open", rate: 1_000, perFrame: 1 });
  const { sent, seconds } = await fleet.measure(300);
  expect(sent / seconds).toBeWithin(700, 1_300);
  expect((await fleet.settle()).faults).toEqual(noFaults());
}, 5_000);

test("fails with what a process ended with, whenever that was", async () => {
  await using gateway = new FakeGateway();
  await using fleet = await Fleet.start(gateway.target, 1);
  await fleet.connect({ sockets: 2, roomSize: 2 });
  process.kill(fleet.pids[0] ?? 0, "SIGKILL");
  // Whether it ended before the next order or under it.
  const ended = "a generator ended by itself with SIGKILL";
  await expect(fleet.measure(0)).rejects.toThrow(ended);
  await expect(fleet.settle()).rejects.toThrow(ended);
}, 5_000);
