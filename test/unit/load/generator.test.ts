import { expect, test } from "bun:test";
import { BLOCK } from "../../../load/native/block.ts";
import { Generator, type Layout } from "../../../load/native/generator.ts";
import { RunNames } from "../../../load/native/key.ts";
import { TidegateProtocol } from "../../../load/native/tidegate.ts";
import { FakeGateway, type FakeFaults } from "../../support/fake-gateway.ts";

const FRAMES = 20;
const CLEAN = { lost: 0, duplicate: 0, reordered: 0, altered: 0, foreign: 0, refused: 0 };

const token = (user: string): string => `-.${btoa(JSON.stringify({ sub: user }))}.-`;

function clientsOf(gateway: FakeGateway, names = new RunNames(), answerMs = 5_000) {
  const addresses = [{ hostname: "127.0.0.1", port: gateway.port }];
  const options = { addresses, token, names, patienceMs: 500, forgets: true, answerMs };
  return new Generator(options, new TidegateProtocol(names));
}

/** Drives 8 members in rooms, of two if nothing else is said, until all have sent their frames, and counts. */
async function drive(faults: FakeFaults, form: Partial<Layout> & { perFrame?: number } = {}) {
  const { perFrame = 1, ...layout } = form;
  await using gateway = new FakeGateway(faults);
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 8, roomSize: 2, ...layout });
  generator.closedLoop(4, perFrame, FRAMES);
  const found = await generator.settle(5_000, true);
  generator.close();
  return { found, ledger: generator.ledger };
}

test("counts everything and no fault when there is none", async () => {
  const { found, ledger } = await drive({});
  expect(found).toEqual(CLEAN);
  expect(ledger).toMatchObject({ sent: 8 * FRAMES, acked: 8 * FRAMES, delivered: 2 * 8 * FRAMES });
});

test("counts deliveries in larger rooms, several rooms a socket and several messages a frame", async () => {
  const { found, ledger } = await drive({}, { roomSize: 4, roomsPerSocket: 3, perFrame: 5 });
  expect(found).toEqual(CLEAN);
  expect(ledger).toMatchObject({ acked: 8 * 5 * FRAMES, delivered: 4 * 8 * 5 * FRAMES });
});

test("understands events whose fields come in another order", async () => {
  const { found, ledger } = await drive({ shuffled: true });
  expect(found).toEqual(CLEAN);
  expect(ledger.delivered).toBe(2 * 8 * FRAMES);
});

test("takes what comes together with the answer to a handshake", async () => {
  await using gateway = new FakeGateway({ greets: true });
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 8, roomSize: 2 });
  expect(gateway.pongs).toBe(8);
  generator.close();
}, 2_000);

test("says of a socket that ends before it is ready with what it was closed", async () => {
  await using gateway = new FakeGateway({ closeAt: 3 });
  const generator = clientsOf(gateway);
  const connected = generator.connect({ sockets: 8, roomSize: 2 });
  await expect(connected).rejects.toThrow(/of 8 sockets are ready.*: closed with 4013 overloaded$/);
  generator.close();
}, 2_000);

test("says what sockets wait for when one is not answered in time", async () => {
  await using gateway = new FakeGateway({ muteAt: 3 });
  const generator = clientsOf(gateway, new RunNames(), 200);
  await expect(generator.connect({ sockets: 8, roomSize: 2 })).rejects.toThrow(
    "7 of 8 sockets are ready, 1 waits for an answer to subscribe: no answer in 200 ms",
  );
  generator.close();
}, 2_000);

test("does not wait for ever for a member that nobody lets back in", async () => {
  await using gateway = new FakeGateway({ muteAt: 9 });
  const generator = clientsOf(gateway, new RunNames(), 200);
  await generator.connect({ sockets: 8, roomSize: 2 });
  const churn = generator.churn(50);
  while (!generator.members.some(({ isAway }) => isAway)) await Bun.sleep(1);
  await expect(churn.stop()).rejects.toMatchObject({
    cause: { message: "waits for an answer to subscribe: no answer in 200 ms" },
  });
  generator.close();
}, 2_000);

test("finds a delivery that is missing", async () => {
  expect((await drive({ dropAt: 100 })).found).toEqual({ ...CLEAN, lost: 1 });
});

test("finds the last delivery missing by the server's head", async () => {
  expect((await drive({ dropAt: 2 * 8 * FRAMES })).found).toEqual({ ...CLEAN, lost: 1 });
});

test("finds a delivery that comes twice", async () => {
  expect((await drive({ repeatAt: 100 })).found).toEqual({ ...CLEAN, duplicate: 1 });
});

test("finds two deliveries in the wrong order", async () => {
  expect((await drive({ swapAt: 100 })).found).toEqual({ ...CLEAN, reordered: 1 });
});

test("finds one altered byte of content", async () => {
  expect((await drive({ alterAt: 100 })).found).toEqual({ ...CLEAN, altered: 1 });
});

test("finds a message that was acked and has no place", async () => {
  expect((await drive({ forgetAt: 50 })).found).toEqual({ ...CLEAN, lost: 1 });
});

test("finds a message at members that do not read its conversation", async () => {
  const { found } = await drive({ leakAt: 50 });
  expect(found).toEqual({ ...CLEAN, foreign: 6 });
});

test("finds a message of another run's conversation", async () => {
  expect((await drive({ strayAt: 50 })).found).toEqual({ ...CLEAN, foreign: 2 });
});

test("finds altered content in an event whose fields come in another order", async () => {
  const { found } = await drive({ shuffled: true, alterAt: 100 });
  expect(found).toEqual({ ...CLEAN, altered: 1 });
});

test("checks a large room's frames once, and still finds one altered byte in it", async () => {
  const large = { roomSize: 8, perFrame: 5 };
  const { found, ledger } = await drive({}, large);
  expect(found).toEqual(CLEAN);
  expect(ledger.delivered).toBe(8 * 8 * 5 * FRAMES);
  expect((await drive({ alterAt: 1_500 }, large)).found).toEqual({ ...CLEAN, altered: 1 });
  expect((await drive({ dropAt: 1_500 }, large)).found).toEqual({ ...CLEAN, lost: 1 });
  expect((await drive({ repeatAt: 1_500 }, large)).found).toEqual({ ...CLEAN, duplicate: 1 });
});

test("compares a large room's frames at those who only read, and finds what differs", async () => {
  // Frames of who sends have receipts in them, and are no others' frames.
  const quiet = { roomSize: 8, perFrame: 5, sendersPerRoom: 1 };
  const { found, ledger } = await drive({}, quiet);
  expect(found).toEqual(CLEAN);
  expect(ledger.delivered).toBe(8 * 5 * FRAMES);
  // To the fourth reader, after others had the same frame.
  const at = 50 * 8 + 4;
  expect((await drive({ alterAt: at }, quiet)).found).toEqual({ ...CLEAN, altered: 1 });
  expect((await drive({ dropAt: at }, quiet)).found).toEqual({ ...CLEAN, lost: 1 });
  expect((await drive({ repeatAt: at }, quiet)).found).toEqual({ ...CLEAN, duplicate: 1 });
});

test("counts a stall for every message that was due in it", async () => {
  const [stallMs, rate] = [200, 1_000];
  await using gateway = new FakeGateway({ stallAt: 50, stallMs });
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 8, roomSize: 2 });
  generator.mark();
  generator.openLoop(rate);
  while (generator.ledger.acked < 400) await Bun.sleep(5);
  expect(await generator.settle(5_000)).toEqual(CLEAN);
  const { receiptTimes } = generator.ledger;
  // Whoever waits for an answer before the next message would have seen one slow message each.
  const share = stallMs / (generator.ledger.sent / rate) / 1000;
  expect(receiptTimes.quantileMs(1 - share * 0.4)).toBeGreaterThan(stallMs * 0.4);
  expect(receiptTimes.maxMs).toBeGreaterThan(stallMs * 0.9);
  generator.close();
});

test("keeps a rate with several messages a frame", async () => {
  await using gateway = new FakeGateway({});
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 8, roomSize: 2 });
  const startedAt = performance.now();
  generator.openLoop(2_000, 100);
  while (generator.ledger.sent < 400) await Bun.sleep(1);
  expect(performance.now() - startedAt).toBeGreaterThanOrEqual(199);
  expect(await generator.settle(5_000)).toEqual(CLEAN);
  expect(generator.ledger.sent % 100).toBe(0);
  generator.close();
});

test("reads on from its cursor while members reconnect all the time", async () => {
  await using gateway = new FakeGateway({});
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 8, roomSize: 2 });
  generator.openLoop(1_000);
  const churn = generator.churn(5);
  while (churn.reconnects < 10) await Bun.sleep(5);
  expect(await generator.settle(5_000)).toEqual(CLEAN);
  expect(generator.ledger.delivered).toBe(2 * generator.ledger.sent);
  generator.close();
});

test("forgets what is settled while members reconnect, and counts on", async () => {
  await using gateway = new FakeGateway({});
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 8, roomSize: 2 });
  generator.closedLoop(4, 20);
  const churn = generator.churn(5);
  const { ledger } = generator;
  while (ledger.sent < 6 * BLOCK || churn.reconnects < 10) await Bun.sleep(5);
  expect(await generator.settle(5_000)).toEqual(CLEAN);
  expect(ledger.delivered).toBe(2 * ledger.sent);
  expect(ledger.blocks).toBeLessThanOrEqual(3);
  generator.close();
});

test("members that come back send on, though nothing but their own sends is read", async () => {
  await using gateway = new FakeGateway({});
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 2, roomSize: 1 });
  generator.closedLoop(1, 1);
  const churn = generator.churn(50);
  while (churn.reconnects < 4) await Bun.sleep(5);
  await churn.stop();
  const { ledger } = generator;
  const { sent } = ledger;
  while (ledger.sent < sent + 10) await Bun.sleep(5);
  expect(await generator.settle(5_000)).toEqual(CLEAN);
  generator.close();
});

test("lets nobody read from the start what it may have forgotten", async () => {
  await using gateway = new FakeGateway({});
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 2, roomSize: 2 });
  const late = await generator.join();
  await generator.subscribe(late, 0, true);
  generator.closedLoop(1, 1, 1);
  expect(await generator.settle(5_000, true)).toEqual(CLEAN);
  await expect(generator.subscribe(await generator.join(), 0, true)).rejects.toThrow("forgotten");
  generator.close();
});

test("times what is measured, and nothing of what came before", async () => {
  await using gateway = new FakeGateway({});
  const generator = clientsOf(gateway);
  await generator.connect({ sockets: 2, roomSize: 2 });
  generator.closedLoop(4, 1, FRAMES);
  const warmUp = generator.measure(0);
  await generator.settle(5_000, true);
  await warmUp;
  expect(generator.ledger.receiptTimes.total).toBeGreaterThan(0);
  await generator.measure(0);
  expect(generator.ledger.receiptTimes.total).toBe(0);
  expect(generator.ledger.deliveryTimes.total).toBe(0);
  generator.close();
});
