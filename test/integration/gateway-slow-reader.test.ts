import { describe, expect, test } from "bun:test";
import { CLOSE_TABLE } from "../../src/close-codes.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import { freshKey, run, say, sayMany } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";

const ROOM = "crowded";
const QUIET = "quiet";
const MiB = 1024 * 1024;
const COUNT = 5_000;
const LINE = "x".repeat(4_000);
const SMALL = {
  outboundQueueBytesMax: 64 * 1024,
  outboundSocketBytesMax: 128 * 1024,
  catchUpPageBytesMax: 64 * 1024,
  holdBackBytesMax: 64 * 1024,
};

describe("a reader that does not read", () => {
  test("is demoted with lag, holds up nobody, costs little, and ends complete and live", async () => {
    await using gateway = await TestGateway.start({
      limits: { ...SMALL, sendsBurstPerConnection: 100_000 },
    });
    await using bystander = await Bystander.join(gateway);
    await using writer = await gateway.connect({ user: "bob" });
    await using steady = await gateway.connect({ user: "eve" });
    await steady.ask("subscribe", { conversation: ROOM });
    await using socket = await gateway.connectTcp({ user: "ana" });
    const slow = socket.client;
    await slow.ask("subscribe", { conversation: ROOM });
    await slow.ask("subscribe", { conversation: QUIET });
    await slow.until("it is live in both", () => slow.pushes("live").length === 2);
    socket.pause();

    await bystander.during(() => sayMany(writer, ROOM, COUNT, (i) => `${i} ${LINE}`));
    await steady.until("the steady one has all", () => steady.events(ROOM).length === COUNT);
    expect(steady.seqs(ROOM)).toEqual(run(COUNT));
    expect(await gateway.metric("tidegate_relay_demoted_total ")).toBeGreaterThan(0);
    expect(await gateway.metric("tidegate_relay_held_characters ")).toBeLessThan(
      2 * SMALL.holdBackBytesMax,
    );
    expect(await gateway.metric("tidegate_connections ")).toBe(5);
    expect(slow.closed).toBeUndefined();
    const before = slow.events(ROOM).length;
    expect(before).toBeLessThan(COUNT);

    await say(writer, QUIET, "also for the slow one");
    for (let waiting = 0; waiting === 0;) {
      waiting = await gateway.metric("tidegate_outbound_waiting_characters ");
      expect(waiting).toBeLessThan(2 * SMALL.outboundQueueBytesMax);
    }
    socket.resume();
    await sayMany(writer, ROOM, 500, (i) => `${COUNT + i} more`);
    await slow.until("it is complete", () => slow.events(ROOM).length >= COUNT + 500, 30_000);
    expect(slow.seqs(ROOM)).toEqual(run(COUNT + 500));
    await slow.until("it is told that it is live", () => livesOf(slow.pushes("live")) >= 2);
    const [lag] = slow.pushes("lag");
    expect(lag).toMatchObject({ conversation: ROOM });
    expect(lag?.from).toBeLessThanOrEqual(lag?.to as number);
    // All that waited for it, the kernel's buffers included, was far less than what it was sent.
    expect((lag?.from as number) * LINE.length).toBeLessThan(12 * MiB);
    // What lag names comes after it: it is told before the first event that it speaks of.
    const order = slow.lines.flatMap((line): (number | "lag")[] => {
      if (line.kind === "push" && line.name === "lag") return ["lag"];
      return line.kind === "event" && line.push.conversation === ROOM ? [line.push.seq] : [];
    });
    expect(order[order.indexOf("lag") + 1]).toBe(lag?.from as number);
    expect(slow.seqs(QUIET)).toEqual([1]);
    // From here on it is a reader like any other.
    await say(writer, ROOM, "together");
    await slow.until("it came", () => slow.seqs(ROOM).at(-1) === COUNT + 501);
    expect(gateway.faults).toEqual([]);
  }, 60_000);

  test("is not whoever gets a batch beyond the queue's bound while it reads", async () => {
    await using gateway = await TestGateway.start({ limits: { outboundQueueBytesMax: 4_096 } });
    await using writer = await gateway.connect({ user: "bob" });
    await using reader = await gateway.connect({ user: "eve" });
    await reader.ask("subscribe", { conversation: ROOM });
    for (const batch of [1, 2, 3]) {
      const commands = Array.from({ length: 60 }, () => {
        const message = {
          conversation: ROOM,
          key: freshKey(),
          attempt: 1,
          content: { text: "x".repeat(400) },
        };
        return writer.command("send", message);
      });
      writer.text(commands.map(({ line }) => line).join("\n"));
      await reader.until("the batch came", () => reader.events(ROOM).length === batch * 60);
    }
    expect(reader.seqs(ROOM)).toEqual(run(180));
    expect(reader.pushes("lag")).toEqual([]);
  });

  test("is closed when it stays hopeless: too_slow", async () => {
    await using gateway = await TestGateway.start({
      limits: { ...SMALL, hopelessAfterMs: 500, sendsBurstPerConnection: 100_000 },
    });
    await using bystander = await Bystander.join(gateway);
    await using writer = await gateway.connect({ user: "bob" });
    await using socket = await gateway.connectTcp({ user: "ana" });
    await socket.client.ask("subscribe", { conversation: ROOM });
    socket.pause();
    await bystander.during(async () => {
      await sayMany(writer, ROOM, 3_000, () => LINE);
      for (;;) if ((await gateway.metric("tidegate_connections ")) === 3) return;
    });
    expect(await gateway.metric('tidegate_closes_total{reason="too_slow"}')).toBe(1);
    expect(CLOSE_TABLE["too_slow"].code).toBe(4004);
  }, 30_000);
});

function livesOf(pushes: readonly { readonly conversation: string }[]): number {
  return pushes.filter(({ conversation }) => conversation === ROOM).length;
}
