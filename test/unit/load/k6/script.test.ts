import { expect, test } from "bun:test";
import { FakeGateway, type FakeFaults } from "../../../support/fake-gateway.ts";
import { runScript } from "../../../support/k6/run-script.ts";

const CLEAN = {
  lost: 0,
  duplicate: 0,
  reordered: 0,
  altered: 0,
  refused: 0,
  closed: 0,
  errors: 0,
};
/** Of the first of four virtual users. */
const SENT = 100;

/** A second of chat at a rate at which every delivery is parsed. */
async function chat(faults: FakeFaults, changes: Record<string, string> = {}) {
  await using gateway = new FakeGateway(faults);
  return await runScript("chat", {
    TARGET_URL: `http://127.0.0.1:${gateway.port}`,
    RATE: "400",
    SECONDS: "1",
    WARM_UP: "0",
    // Only what never comes is waited for.
    SETTLE: faults.dropAt === undefined && faults.forgetAt === undefined ? "10" : "1",
    ...changes,
  });
}

test.concurrent("counts every message and no fault when there is none", async () => {
  const run = await chat({});
  expect(run.faults).toEqual(CLEAN);
  expect([run.sum("sent"), run.sum("acked"), run.sum("delivered")]).toEqual([SENT, SENT, 2 * SENT]);
  expect(run.values("latency").length).toBe(2 * SENT);
  expect(run.values("receipt").length).toBe(SENT);
  expect(run.values("errors")).toEqual(Array.from({ length: SENT }, () => 0));
});

test.concurrent("parses a sample of large frames and counts all of their messages", async () => {
  const run = await chat({}, { SCENARIO: "peak", RATE: "20000" });
  expect(run.faults).toEqual(CLEAN);
  expect([run.sum("acked"), run.sum("delivered")]).toEqual([5_000, 10_000]);
  // One of 40, at each of 26 readers.
  expect(run.values("latency").length).toBeGreaterThanOrEqual(10_000 / 40);
  expect(run.values("latency").length).toBeLessThan(10_000 / 40 + 26);
});

test.concurrent("leaves the warm-up out of the times and not out of the counts", async () => {
  const run = await chat({}, { WARM_UP: "1" });
  expect(run.faults).toEqual(CLEAN);
  expect(run.sum("sent")).toBeGreaterThan(SENT);
  expect(run.values("latency").length).toBeLessThanOrEqual(2 * SENT + 2);
});

test.concurrent("finds a delivery that is missing", async () => {
  expect((await chat({ dropAt: 60 })).faults).toEqual({ ...CLEAN, lost: 1 });
});

test.concurrent("finds the last delivery missing by the receipts", async () => {
  expect((await chat({ dropAt: 2 * SENT })).faults).toEqual({ ...CLEAN, lost: 1 });
});

test.concurrent("finds a delivery that comes twice", async () => {
  expect((await chat({ repeatAt: 60 })).faults).toEqual({ ...CLEAN, duplicate: 1 });
});

test.concurrent("finds a message missing and one doubled among many of a frame", async () => {
  const changes = { SCENARIO: "peak", RATE: "20000" };
  const run = await chat({ dropAt: 3_003, repeatAt: 5_006 }, changes);
  expect(run.faults).toEqual({ ...CLEAN, lost: 1, duplicate: 1 });
});

test.concurrent("finds two deliveries in the wrong order", async () => {
  const run = await chat({ swapAt: 60 }, { SCENARIO: "peak", RATE: "2000" });
  expect(run.faults).toEqual({ ...CLEAN, reordered: 1 });
});

test.concurrent("finds an altered content", async () => {
  expect((await chat({ alterAt: 60 })).faults).toEqual({ ...CLEAN, altered: 1 });
});

test.concurrent("finds a message that was acked and has no place at either reader", async () => {
  expect((await chat({ forgetAt: 50 })).faults).toEqual({ ...CLEAN, lost: 2 });
});

test.concurrent("ends the whole test when sockets do not connect", async () => {
  await using closed = new FakeGateway();
  const { port } = closed;
  await closed[Symbol.asyncDispose]();
  const environment = { TARGET_URL: `http://127.0.0.1:${port}`, SECONDS: "1", CONNECT: "0.3" };
  await expect(runScript("chat", environment)).rejects.toThrow("26 of 26 sockets did not connect");
});
