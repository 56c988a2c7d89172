import { describe, expect, test } from "bun:test";
import { Connection, type ConnectionHost } from "../../../gateway/connection.ts";
import { Flusher } from "../../../gateway/flusher.ts";
import { limitsWith } from "../../../src/limits.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const HOLD_MS = 8;

/** A connection on a gateway that has had many receipts, and the frames that it wrote. */
async function setUp() {
  const clock = new SteppedClock();
  const limits = limitsWith({ receiptHoldMs: HOLD_MS, receiptHoldPerSecond: 1 });
  const frames: string[] = [];
  const host: ConnectionHost = {
    clock,
    limits,
    connectionRate: { perSecond: 1, burst: 1 },
    flusher: new Flusher<Connection>({
      clock,
      limits,
      holds: true,
      failed: (_, cause) => {
        throw cause;
      },
    }),
    countClose: () => {},
  };
  const socket = {
    takes: true,
    send(text: string): number {
      frames.push(text);
      return this.takes ? text.length : -1;
    },
    close: () => {},
    pause: () => {},
    resume: () => {},
  };
  const connection = new Connection(host, socket, "id", clock.monotonic());
  let command = 0;
  const receipt = (isReader: boolean): void => {
    connection.begin();
    connection.receipt(++command, "key", ":user", "", 7, isReader);
  };
  await clock.advance(100);
  receipt(false);
  await clock.advance(0);
  frames.length = 0;
  return { clock, connection, socket, frames, receipt };
}

/** Of each frame, which lines are in it. */
const told = (frames: readonly string[]): string[][] =>
  frames.map((frame) =>
    frame.split("\n").map((line) => (line.includes("key:user") ? "receipt" : line)),
  );

describe("the receipt of a message that is delivered to its sender, where receipts are many", () => {
  test("leaves in the frame of the delivery", async () => {
    const { clock, connection, frames, receipt } = await setUp();
    receipt(true);
    receipt(true);
    await clock.advance(2);
    expect(frames).toEqual([]);
    connection.push("event");
    await clock.advance(0);
    expect(told(frames)).toEqual([["receipt", "receipt", "event"]]);
    await clock.advance(3 * HOLD_MS);
    expect(frames).toHaveLength(1);
  });

  test("leaves alone when no delivery comes", async () => {
    const { clock, frames, receipt } = await setUp();
    receipt(true);
    await clock.advance(HOLD_MS);
    expect(told(frames)).toEqual([["receipt"]]);
  });

  test("leaves before a socket is closed", async () => {
    const { clock, connection, frames, receipt } = await setUp();
    receipt(true);
    connection.close("draining");
    expect(told(frames)).toEqual([["receipt"]]);
    await clock.advance(3 * HOLD_MS);
    expect(frames).toHaveLength(1);
  });

  test("waits for a full socket like everything else, and leaves once it takes data", async () => {
    const { clock, connection, socket, frames, receipt } = await setUp();
    socket.takes = false;
    connection.push("event");
    await clock.advance(0);
    receipt(true);
    await clock.advance(3 * HOLD_MS);
    expect(told(frames)).toEqual([["event"]]);
    socket.takes = true;
    connection.drained();
    expect(told(frames)).toEqual([["event"], ["receipt"]]);
  });
});

test("a receipt that no delivery follows leaves at once", async () => {
  const { clock, frames, receipt } = await setUp();
  receipt(false);
  await clock.advance(0);
  expect(told(frames)).toEqual([["receipt"]]);
});
