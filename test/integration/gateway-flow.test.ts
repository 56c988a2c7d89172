import { describe, expect, test } from "bun:test";
import { CLOSE_TABLE } from "../../src/close-codes.ts";
import { limitsWith } from "../../src/limits.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import { freshKey, run, say, sayMany } from "../support/gateway/sending.ts";
import { frameBytes, OPCODE, TcpSocket } from "../support/gateway/tcp-socket.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { trust } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";

const ROOM = "flow";
const message = (text = "", conversation = ROOM) => ({
  conversation,
  key: freshKey(),
  attempt: 1,
  content: { text },
});

describe("a connection's rate", () => {
  test("is refused with the time to wait, kept for each connection, and refilled: rate_limited", async () => {
    await using gateway = await TestGateway.start({
      limits: { sendsPerSecondPerConnection: 10, sendsBurstPerConnection: 20 },
    });
    await using bystander = await Bystander.join(gateway);
    await using client = await gateway.connect({ user: "ana" });
    await using other = await gateway.connect({ user: "ana" });
    await using reader = await gateway.connect({ user: "bob" });
    await reader.ask("subscribe", { conversation: ROOM });
    const commands = Array.from({ length: 60 }, (_, i) => client.command("send", message(`m${i}`)));
    const outcomes = Promise.allSettled(commands.map(({ reply }) => reply));
    client.text(commands.map(({ line }) => line).join("\n"));
    const results = await outcomes;
    const taken = results.filter(({ status }) => status === "fulfilled").length;
    expect(taken).toBeWithin(20, 25);
    const [refused] = client.errors();
    expect(refused?.error).toMatchObject({ code: "rate_limited", retriable: true });
    expect(refused?.error.retry_after_ms).toBeWithin(1, 101);
    // Another connection of the same user is not held up, and nobody is closed for being refused.
    await say(other, ROOM, "other");
    await until("the rate is back", () =>
      say(client, ROOM, "again").then(
        () => true,
        () => false,
      ),
    );
    await reader.until("all that was taken came", () => reader.events(ROOM).length >= taken + 2);
    await bystander.during(async () => expect(client.closed).toBeUndefined());
  });
});

describe("the credit window", () => {
  test("holds back what is beyond it and loses nothing", async () => {
    const count = 3_000;
    await using gateway = await TestGateway.start({
      limits: { creditCommandsMax: 4, sendsBurstPerConnection: 10_000 },
    });
    await using bystander = await Bystander.join(gateway);
    await using socket = await gateway.connectTcp({ user: "ana" });
    await socket.client.ask("subscribe", { conversation: ROOM });
    const commands = Array.from({ length: count }, (_, i) =>
      socket.client.command("send", message(`m${i}`)),
    );
    await bystander.during(async () => {
      socket.write(Buffer.concat(commands.map(({ line }) => frameBytes(OPCODE.text, line))));
      const receipts = await Promise.all(commands.map(({ reply }) => reply));
      expect(new Set(receipts.map(({ message: id }) => id)).size).toBe(count);
      await socket.client.until("all came", () => socket.client.events(ROOM).length === count);
    });
    const texts = socket.client.events(ROOM).map(({ event }) => event.content["text"]);
    expect(texts).toEqual(Array.from({ length: count }, (_, i) => `m${i}`));
    expect(socket.client.seqs(ROOM)).toEqual(run(count));
  });

  test("covers what comes behind connect while the token is checked", async () => {
    const count = 1_500;
    await using gateway = await TestGateway.start({ limits: { sendsBurstPerConnection: 10_000 } });
    await using socket = await TcpSocket.open(gateway.port);
    const { client } = socket;
    const connect = client.command("connect", {
      token: await trust.token({ user: "ana" }, "RS256"),
    });
    const sends = Array.from({ length: count }, () => client.command("send", message()));
    const frames = [connect, ...sends].map(({ line }) => frameBytes(OPCODE.text, line));
    socket.write(Buffer.concat(frames));
    await connect.reply;
    expect(await Promise.all(sends.map(({ reply }) => reply))).toHaveLength(count);
  });

  test("more commands behind connect than backlogCommandsMax close the socket: overloaded", async () => {
    const limits = { sendsBurstPerConnection: 10_000, backlogCommandsMax: 10 };
    await using gateway = await TestGateway.start({ limits });
    await using bystander = await Bystander.join(gateway);
    await bystander.during(async () => {
      await using socket = await TcpSocket.open(gateway.port);
      const { client } = socket;
      const token = await trust.token({ user: "ana" }, "RS256");
      const sends = Array.from({ length: 11 }, () => client.command("send", message()));
      const commands = [client.command("connect", { token }), ...sends];
      for (const { reply } of commands) reply.catch(() => undefined);
      const frames = commands.map(({ line }) => frameBytes(OPCODE.text, line));
      socket.write(Buffer.concat(frames));
      await until("it is closed", () => client.closed !== undefined);
      expect(client.closed?.code).toBe(CLOSE_TABLE.overloaded.code);
    });
  });

  test("a client that asks without reading is not read any more, and gets all once it reads", async () => {
    await using gateway = await TestGateway.start({
      limits: { outboundSocketBytesMax: 64 * 1024 },
    });
    await using bystander = await Bystander.join(gateway);
    await using writer = await gateway.connect({ user: "bob" });
    await sayMany(writer, ROOM, 100, () => "x".repeat(8_000));
    await until(
      "they are stored",
      async () => (await writer.ask("history", { conversation: ROOM })).head === 100,
    );
    await using socket = await gateway.connectTcp({ user: "ana" });
    socket.pause();
    const asked: Promise<unknown>[] = [];
    const { rss } = process.memoryUsage();
    await bystander.during(async () => {
      // Each answer is 800 KB, so that asking goes on far longer than any buffer is deep.
      for (let i = 0; i < 150; i++) {
        const { line, reply } = socket.client.command("history", {
          conversation: ROOM,
          limit: 100,
        });
        asked.push(reply);
        socket.write(frameBytes(OPCODE.text, line));
      }
      await say(writer, ROOM, "others go on");
    });
    expect(process.memoryUsage().rss - rss).toBeLessThan(64 * 1024 * 1024);
    expect(socket.client.closed).toBeUndefined();
    socket.resume();
    expect(await Promise.all(asked)).toHaveLength(150);
  });
});

describe("subscriptions", () => {
  test("the first one of a new tenant does not wait for the beats' interval", async () => {
    await using gateway = await TestGateway.start({ limits: { beatIntervalMs: 60_000 } });
    await using client = await gateway.connect({ user: "ana", tenant: "newcomer" });
    const reply = await client.ask("subscribe", { conversation: ROOM });
    expect(reply).toMatchObject({ head: 0, recovered: true });
    await say(client, ROOM, "hello");
    await client.until("it came", () => client.events(ROOM).length === 1);
  });

  test("10,000 on one socket: too_many_subscriptions, then too_many_errors, and those of others stay", async () => {
    const { subscriptionsMax, invalidCommandsMax } = limitsWith();
    await using gateway = await TestGateway.start();
    await using bystander = await Bystander.join(gateway);
    await bystander.during(async () => {
      await using client = await gateway.connect({ user: "mallory" });
      for (let i = 0; i < subscriptionsMax; i += 250) {
        const commands = Array.from({ length: 250 }, (_, n) =>
          client.command("subscribe", { conversation: `r${i + n}` }),
        );
        client.text(commands.map(({ line }) => line).join("\n"));
        await Promise.all(commands.map(({ reply }) => reply));
      }
      expect(await gateway.metric("tidegate_relay_conversations ")).toBe(subscriptionsMax + 1);
      const error = await client.refusal("subscribe", { conversation: "one-more" });
      expect(error).toMatchObject({ code: "too_many_subscriptions", limit: subscriptionsMax });
      await client.ask("unsubscribe", { conversation: "r0" });
      await client.ask("subscribe", { conversation: "one-more" });
      for (let i = subscriptionsMax; i < 10_000; i += 200) {
        const lines = Array.from(
          { length: 200 },
          (_, n) => `{"id":${100_000 + i + n},"subscribe":{"conversation":"r${i + n}"}}`,
        );
        if (client.closed === undefined) client.text(lines.join("\n"));
      }
      expect(await client.end()).toEqual(CLOSE_TABLE["too_many_errors"]);
      expect(client.errors().length).toBe(1 + invalidCommandsMax + 1);
    });
    await until(
      "they are gone",
      async () => (await gateway.metric("tidegate_relay_conversations ")) <= 1,
    );
  });

  test("twice to one conversation: already_subscribed; leaving what is not read: not_subscribed", async () => {
    await using gateway = await TestGateway.start();
    await using client = await gateway.connect({ user: "ana" });
    const [one, two] = [0, 1].map(() => client.command("subscribe", { conversation: ROOM }));
    const refused = two?.reply.then(
      () => "",
      (error: Error) => error.message,
    );
    client.text(`${one?.line}\n${two?.line}`);
    await one?.reply;
    expect(await refused).toContain("already_subscribed");
    expect(await client.refusal("subscribe", { conversation: ROOM })).toMatchObject({
      code: "already_subscribed",
    });
    expect(await client.refusal("unsubscribe", { conversation: "other" })).toMatchObject({
      code: "not_subscribed",
    });
    await say(client, ROOM, "once");
    await say(client, ROOM, "twice");
    await client.until("both came", () => client.events(ROOM).length >= 2);
    expect(client.seqs(ROOM)).toEqual([1, 2]);
  });

  test("subscribe and unsubscribe in any mixture leave the last word in force", async () => {
    await using gateway = await TestGateway.start();
    await using writer = await gateway.connect({ user: "bob" });
    await using steady = await gateway.connect({ user: "eve" });
    await steady.ask("subscribe", { conversation: ROOM });
    for (let round = 0; round < 20; round++) {
      await using client = await gateway.connect({ user: "ana" });
      const lines: string[] = [];
      const replies: Promise<unknown>[] = [];
      const verbs = Array.from({ length: 2 + (round % 5) }, (_, i) =>
        i % 2 === 0 ? "subscribe" : "unsubscribe",
      );
      for (const verb of verbs) {
        const { line, reply } = client.command(verb as "subscribe", { conversation: ROOM });
        lines.push(line);
        replies.push(reply.catch(() => "refused"));
      }
      if (round % 2 === 0) client.text(lines.join("\n"));
      else for (const line of lines) client.text(line);
      const sending = say(writer, ROOM, `round ${round}`);
      await Promise.all([...replies, sending]);
      const before = client.events(ROOM).length;
      await say(writer, ROOM, `after round ${round}`);
      const isIn = verbs.at(-1) === "subscribe";
      const all = 2 * round + 2;
      await steady.until("the steady reader has it", () => steady.events(ROOM).length === all);
      if (isIn) await client.until("it came", () => client.seqs(ROOM).at(-1) === all);
      else {
        // One more answer: what was on its way is here then.
        await client.ask("history", { conversation: ROOM });
        expect(client.events(ROOM).length).toBe(before);
      }
      expect(client.seqs(ROOM)).toEqual(
        run(all, all + 1 - client.events(ROOM).length).slice(0, client.events(ROOM).length),
      );
    }
    expect(steady.seqs(ROOM)).toEqual(run(40));
    expect(gateway.faults).toEqual([]);
  });
});

describe("heartbeats", () => {
  test("close a client that does not answer two of them, and nobody else: heartbeat_missed", async () => {
    await using gateway = await TestGateway.start({ limits: { heartbeatMs: 1_000 } });
    await using answering = await gateway.connect({ user: "ana" });
    await using talking = await gateway.connect({ user: "bob" });
    await using silent = await gateway.connect({ user: "mallory" });
    silent.answersHeartbeats = talking.answersHeartbeats = false;
    const beats = () => talking.heartbeats;
    let answered = 0;
    const talk = until("the silent one is closed", async () => {
      if (beats() > answered) {
        answered = beats();
        await talking.ask("history", { conversation: ROOM });
      }
      return silent.closed !== undefined;
    });
    expect(await silent.end()).toEqual(CLOSE_TABLE["heartbeat_missed"]);
    await talk;
    expect(silent.heartbeats).toBe(2);
    await answering.until("a third beat", () => answering.heartbeats >= 3);
    expect([answering.closed, talking.closed]).toEqual([undefined, undefined]);
  });
});
