import { describe, expect, test } from "bun:test";
import { CLOSE_TABLE } from "../../src/close-codes.ts";
import { limitsWith } from "../../src/limits.ts";
import { GatewayProgram } from "../support/gateway/gateway-program.ts";
import type { ProtocolClient } from "../support/gateway/protocol-client.ts";
import { freshKey, run } from "../support/gateway/sending.ts";
import { TcpSocket } from "../support/gateway/tcp-socket.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { trust } from "../support/gateway/trust.ts";
import { openWebSocket } from "../support/gateway/web-socket.ts";
import { problemIn } from "../support/http.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const limits = limitsWith();
const ROOM = "draining";
const PATH = `/v1/conversations/${ROOM}/messages`;
const SENDERS = 4;
const UNLIMITED = {
  TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION: "1000000",
  TIDEGATE_SENDS_PER_SECOND_PER_TENANT: "1000000",
};

async function connect(port: number, user: string): Promise<ProtocolClient> {
  const client = await openWebSocket(port);
  await client.ask("connect", { token: await trust.token({ user }) });
  return client;
}

/** Every message of the room, in order. */
async function readAll(client: ProtocolClient): Promise<readonly { seq: number; key: string }[]> {
  const { head } = await client.ask("subscribe", { conversation: ROOM, tail: limits.tailMax });
  await client.until("it has them all", () => client.pushes("live").length > 0);
  const { epoch } = await client.ask("history", { conversation: ROOM, limit: 1 });
  const all: { seq: number; key: string }[] = [];
  while (all.length < head) {
    const after = `${epoch}.${all.length}`;
    const page = await client.ask("history", {
      conversation: ROOM,
      after,
      limit: limits.historyLimitMax,
    });
    all.push(...page.events.map(({ seq, event }) => ({ seq, key: event.key })));
  }
  return all;
}

/** Sends without a pause until the socket is gone. */
async function sendOn(
  client: ProtocolClient,
  acked: Set<string>,
  refused: string[],
): Promise<void> {
  const lane = async (): Promise<void> => {
    while (client.closed === undefined) {
      const key = freshKey();
      const id = client.nextId();
      const answer = client.replyTo(id);
      client.text(
        JSON.stringify({ id, send: { conversation: ROOM, key, attempt: 1, content: {} } }),
      );
      // No answer before the end: its outcome is unknown to the client.
      const line = await answer.catch(() => undefined);
      if (line?.kind === "reply") acked.add(key);
      if (line?.kind === "error") refused.push(`${line.error.code} ${line.error.retriable}`);
    }
  };
  await Promise.all(Array.from({ length: 8 }, lane));
}

describe("SIGTERM on the program", () => {
  for (const signal of ["SIGTERM", "SIGINT"] as const) {
    test(`${signal} under load: told to reconnect, closed as draining, 0, and nothing acked is lost`, async () => {
      using folder = createTempFolder();
      const acked = new Set<string>();
      const refused: string[] = [];
      {
        await using program = await GatewayProgram.start({
          folder: folder.path,
          settings: UNLIMITED,
        });
        const clients = await Promise.all(
          run(SENDERS).map((n) => connect(program.port, `user-${n}`)),
        );
        const idle = await openWebSocket(program.port);
        const sending = clients.map((client) => sendOn(client, acked, refused));
        const http = (async () => {
          const token = await trust.token({ user: "curl" });
          for (;;) {
            const key = freshKey();
            const headers = {
              Authorization: `Bearer ${token}`,
              "Content-Type": "application/json",
              "Idempotency-Key": key,
            };
            const body = JSON.stringify({ attempt: 1, content: {} });
            const response = await fetch(program.url + PATH, {
              method: "POST",
              headers,
              body,
            }).catch(() => undefined);
            if (response === undefined) return;
            if (response.status === 201) acked.add(key);
            else {
              const { code, retriable } = await problemIn(response);
              refused.push(`${code} ${retriable}`);
            }
          }
        })();
        const first = clients[0] as ProtocolClient;
        await first.until("it is under load", () => acked.size > 500);
        const startedAt = performance.now();
        program.kill(signal);
        const closes = await Promise.all([...clients, idle].map((client) => client.end()));
        const { code, errors } = await program.end();
        expect([code, performance.now() - startedAt < limits.drainDeadlineMs]).toEqual([0, true]);
        expect(errors).not.toContain('"level":"error"');
        await Promise.all([...sending, http]);
        for (const closed of closes) expect(closed).toEqual(CLOSE_TABLE["draining"]);
        for (const client of [...clients, idle]) {
          const [push, ...more] = client.pushes("reconnect");
          expect([push?.reason, more.length]).toEqual(["draining", 0]);
          expect(push?.after_ms).toBeWithin(0, limits.drainJitterMs + 1);
        }
        const delays = clients.map((client) => client.pushes("reconnect")[0]?.after_ms);
        expect(new Set(delays).size).toBeGreaterThan(1);
      }
      expect(new Set(refused).size).toBeLessThanOrEqual(1);
      if (refused.length > 0) expect(refused[0]).toBe("draining true");

      await using again = await GatewayProgram.start({ folder: folder.path, settings: UNLIMITED });
      await using reader = await connect(again.port, "reader");
      const all = await readAll(reader);
      expect(all.map(({ seq }) => seq)).toEqual([...run(all.length)]);
      const keys = new Set(all.map(({ key }) => key));
      expect(keys.size).toBe(all.length);
      expect([...acked].filter((key) => !keys.has(key))).toEqual([]);
    }, 30_000);
  }

  test("SIGKILL under load loses nothing acked, and a retry of all of it adds nothing", async () => {
    using folder = createTempFolder();
    const acked = new Set<string>();
    {
      await using program = await GatewayProgram.start({
        folder: folder.path,
        settings: UNLIMITED,
      });
      const client = await connect(program.port, "user-1");
      const sending = sendOn(client, acked, []);
      await client.until("it is under load", () => acked.size > 1_000);
      program.kill("SIGKILL");
      await sending;
    }
    await using again = await GatewayProgram.start({ folder: folder.path, settings: UNLIMITED });
    await using client = await connect(again.port, "user-1");
    const before = await readAll(client);
    const keys = new Set(before.map(({ key }) => key));
    expect([...acked].filter((key) => !keys.has(key))).toEqual([]);
    for (const key of acked) {
      await client.ask("send", { conversation: ROOM, key, attempt: 2, content: {} });
    }
    const last = freshKey();
    await client.ask("send", { conversation: ROOM, key: last, attempt: 1, content: {} });
    await client.until("the last came", () => client.events(ROOM).at(-1)?.event.key === last);
    expect(client.seqs(ROOM).at(-1)).toBe(before.length + 1);
  }, 30_000);
});

describe("while a gateway drains", () => {
  test("it is not ready, takes no socket, no message and no request, and settles what is in flight", async () => {
    // Every record is a flush of its own, so that the drain takes a while.
    await using gateway = await TestGateway.start({
      limits: { commitBytesMax: 1_024, appendBatchBytesMax: 1_024, creditCommandsMax: 2_000 },
    });
    await using writer = await gateway.connect({ user: "ana" });
    await using other = await gateway.connect({ user: "bob" });
    const { url, port } = gateway;
    const token = await trust.token({ user: "curl" });
    expect((await fetch(`${url}/readyz`)).status).toBe(200);
    const commands = Array.from({ length: 1_000 }, () =>
      writer.command("send", {
        conversation: ROOM,
        key: freshKey(),
        attempt: 1,
        content: { text: "x".repeat(800) },
      }),
    );
    for (const { line } of commands) writer.text(line);
    await commands[0]?.reply;
    const stopping = gateway.stop();
    const late = other.refusal("send", {
      conversation: ROOM,
      key: freshKey(),
      attempt: 1,
      content: {},
    });
    const [ready, live, posted, socket] = await Promise.all([
      fetch(`${url}/readyz`),
      fetch(`${url}/livez`),
      fetch(url + PATH, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: '{"content":{}}',
      }),
      TcpSocket.open(port),
    ]);
    expect([ready.status, live.status, socket.status]).toEqual([503, 200, 503]);
    expect(await ready.json()).toMatchObject({ status: "draining" });
    expect(await problemIn(posted)).toMatchObject({
      status: 503,
      code: "draining",
      retriable: true,
    });
    expect(await late).toMatchObject({ code: "draining", retriable: true });
    socket.terminate();
    const outcomes = await Promise.allSettled(commands.map(({ reply }) => reply));
    const lost = outcomes
      .filter((one) => one.status === "rejected")
      .map(({ reason }) => String(reason));
    expect(lost.filter((reason) => !reason.includes("draining"))).toEqual([]);
    expect(await writer.end()).toEqual(CLOSE_TABLE["draining"]);
    await stopping;
    expect(gateway.faults).toEqual([]);
  }, 30_000);
});
