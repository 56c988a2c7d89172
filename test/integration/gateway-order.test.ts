import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLOSE_TABLE } from "../../src/close-codes.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import { freshKey, run, say } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { trust } from "../support/gateway/trust.ts";

let gateway: TestGateway;
let bystander: Bystander;

beforeAll(async () => {
  gateway = await TestGateway.start();
  bystander = await Bystander.join(gateway);
});

afterAll(async () => {
  await bystander[Symbol.asyncDispose]();
  await gateway[Symbol.asyncDispose]();
});

const message = (changes: object) => ({
  conversation: "commands",
  key: freshKey(),
  attempt: 1,
  content: {},
  ...changes,
});

describe("the order of commands", () => {
  test("a command before connect: not_connected, and the socket is closed", async () => {
    for (const [verb, body] of [
      ["subscribe", { conversation: "a" }],
      ["unsubscribe", { conversation: "a" }],
      ["history", { conversation: "a" }],
      ["send", message({})],
      ["refresh", { token: "x" }],
    ] as const) {
      await bystander.during(async () => {
        await using other = await gateway.open();
        expect(await other.refusal(verb, body)).toMatchObject({ code: "not_connected" });
        expect(await other.end()).toEqual(CLOSE_TABLE["not_connected"]);
      });
    }
  });

  test("a second connect: already_connected, and the first one stays in force", async () => {
    await using other = await gateway.connect({ user: "ana" });
    const token = await trust.token({ user: "bob" });
    expect(await other.refusal("connect", { token })).toMatchObject({ code: "already_connected" });
    await other.ask("subscribe", { conversation: "second-connect" });
    await say(other, "second-connect", "still ana");
    await other.until("the event came", () => other.events("second-connect").length === 1);
    expect(other.events("second-connect")[0]?.event.sender).toBe("ana");
  });

  test("two connects in one frame: the first one counts", async () => {
    await using other = await gateway.open();
    const first = other.command("connect", { token: await trust.token({ user: "ana" }) });
    const second = other.command("connect", { token: await trust.token({ user: "bob" }) });
    const refused = second.reply.then(
      () => "taken",
      (error: Error) => error.message,
    );
    other.text(`${first.line}\n${second.line}`);
    expect((await first.reply).user).toBe("ana");
    expect(await refused).toContain("already_connected");
  });

  test("connect, subscribe, sends and history in one frame are all answered", async () => {
    const room = "one-frame";
    await using other = await gateway.open();
    const { line, reply } = other.command("connect", { token: await trust.token({ user: "ana" }) });
    const subscribed = other.command("subscribe", { conversation: room, tail: 10 });
    const sends = [1, 2, 3].map((n) =>
      other.command("send", message({ conversation: room, content: { n } })),
    );
    const read = other.command("history", { conversation: room });
    const commands = [line, subscribed.line, ...sends.map((one) => one.line), read.line];
    other.text(commands.join("\n"));
    await Promise.all([reply, subscribed.reply, ...sends.map((one) => one.reply), read.reply]);
    await other.until("all events came", () => other.events(room).length >= 3);
    expect(other.seqs(room)).toEqual([1, 2, 3]);
    expect(other.events(room).map(({ event }) => event.content["n"])).toEqual([1, 2, 3]);
  });

  test("a subscription without cursor begins where its reply says, with no seam", async () => {
    const room = "from-now";
    await using other = await gateway.connect({ user: "ana" });
    const subscribed = other.command("subscribe", { conversation: room });
    const sends = Array.from({ length: 20 }, () =>
      other.command("send", message({ conversation: room })),
    );
    other.text([subscribed.line, ...sends.map((one) => one.line)].join("\n"));
    const { head } = await subscribed.reply;
    await Promise.all(sends.map((one) => one.reply));
    await other.until("the rest came", () => head + other.events(room).length >= 20);
    await say(other, room, "the end");
    await other.until("the end came", () => other.seqs(room).at(-1) === 21);
    expect(other.seqs(room)).toEqual(run(21, head + 1));
  });

  test("no connect in time: connect_timeout", async () => {
    await using quick = await TestGateway.start({ limits: { connectTimeoutMs: 50 } });
    await using other = await quick.open();
    await using connected = await quick.connect({ user: "ana" });
    // A frame that authenticates nobody buys no time.
    other.text("{}");
    expect(await other.end()).toEqual(CLOSE_TABLE["connect_timeout"]);
    await say(connected, "timely", "here");
  });
});
