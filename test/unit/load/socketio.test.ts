import { expect, test } from "bun:test";
import type { ServerWebSocket } from "bun";
import { bodyText } from "../../../load/native/body.ts";
import { FrameReader } from "../../../load/native/frame.ts";
import { Generator } from "../../../load/native/generator.ts";
import { RunNames } from "../../../load/native/key.ts";
import { noFaults } from "../../../load/native/ledger.ts";
import { userName } from "../../../load/native/line.ts";
import { SocketIoWriter } from "../../../load/native/socketio/command.ts";
import { SocketIoProtocol } from "../../../load/native/socketio/member.ts";
import { connectPacket, eventPacket, parsePacket } from "../../../load/native/socketio/packet.ts";

test("writes packets as Socket.IO 5 over Engine.IO 4 has them", () => {
  expect(connectPacket({ user: "ana" })).toBe('40{"user":"ana"}');
  expect(eventPacket(7, "join", "general")).toBe('427["join","general"]');
});

test("takes every kind of packet apart, and names what it does not know", () => {
  expect(parsePacket("2")).toEqual({ kind: "ping" });
  expect(parsePacket('0{"sid":"x"}')).toEqual({ kind: "open" });
  expect(parsePacket('40{"sid":"x"}')).toEqual({ kind: "connected" });
  expect(parsePacket('4312["ok"]')).toEqual({ kind: "ack", id: 12, args: ["ok"] });
  expect(parsePacket('42["message","a",1]')).toEqual({
    kind: "event",
    name: "message",
    args: ["a", 1],
  });
  expect(parsePacket('44{"message":"no"}')).toMatchObject({ kind: "error" });
});

test("writes each message as an event with an acknowledgement, in a frame of its own", () => {
  const names = new RunNames();
  const writer = new SocketIoWriter(names);
  writer.frame(2);
  writer.line(5, 1, 1_795_254_378_085);
  writer.line(6, 2, 1_795_254_378_085);
  const { bytes, length } = writer.take();
  const texts = unmasked(bytes.subarray(0, length));
  expect(texts).toHaveLength(2);
  expect(texts[1]).toStartWith('421000000006["send",');
  expect(JSON.parse((texts[1] ?? "").slice(12))).toEqual([
    "send",
    names.room(2),
    names.key(6, 1_795_254_378_085),
    JSON.parse(bodyText(6)),
  ]);
});

test("counts every delivery of a Socket.IO server, and no fault when there is none", async () => {
  expect(await drive()).toMatchObject({ acked: 160, delivered: 320, faults: noFaults() });
  // The same JSON in other bytes is no other message.
  const spaced = (packet: string): string => packet.replace('42["message",', '42[ "message" ,');
  expect(await drive(spaced)).toMatchObject({ delivered: 320, faults: noFaults() });
});

test("finds a delivery that a Socket.IO server left out", async () => {
  const found = await drive((packet, at) => (at === 100 ? [] : packet));
  expect(found).toMatchObject({ delivered: 319, faults: { ...noFaults(), lost: 1 } });
});

test("finds a delivery that a Socket.IO server made twice", async () => {
  const found = await drive((packet, at) => (at === 100 ? [packet, packet] : packet));
  expect(found).toMatchObject({ delivered: 320, faults: { ...noFaults(), duplicate: 1 } });
});

test("finds a sender's messages in another order at a Socket.IO server", async () => {
  let held: { readonly packet: string; readonly sender: string } | undefined;
  let isDone = false;
  // To one of the readers, behind the next one of the same sender.
  const found = await drive((packet, _, reader) => {
    if (isDone || reader !== userName(0)) return packet;
    const sender = /"(load-user-\d+)"/.exec(packet)?.[1] ?? "";
    if (held === undefined) {
      held = { packet, sender };
      return [];
    }
    isDone = held.sender === sender;
    return isDone ? [packet, held.packet] : packet;
  });
  expect(found).toMatchObject({ delivered: 320, faults: { ...noFaults(), reordered: 1 } });
});

test("finds content that a Socket.IO server altered, in its form and in another one", async () => {
  for (const [text, by] of [
    ['"text":"', '"next":"'],
    ['{"n":"', '{"m":"'],
    ['{"n":"000', '{"n":"001'],
    ['"text":"', '"more":1,"text":"'],
  ] as const) {
    const found = await drive((packet, at) => (at === 100 ? packet.replace(text, by) : packet));
    expect(found).toMatchObject({ delivered: 320, faults: { ...noFaults(), altered: 1 } });
  }
});

test("finds what a Socket.IO server delivered to a room of others", async () => {
  const stray = (packet: string): string =>
    packet.replace(/-(\d{7})"/, (_, room: string) => `-${String(9_999_999 - Number(room))}"`);
  const found = await drive((packet, at) => (at === 100 ? [packet, stray(packet)] : packet));
  expect(found).toMatchObject({ delivered: 320, faults: { ...noFaults(), foreign: 1 } });
});

/** What of the n-th delivery, which is to `reader`, is sent. */
type Change = (packet: string, at: number, reader: string) => string | readonly string[];

/** Eight members send 20 messages each through a chat whose deliveries are changed. */
async function drive(change: Change = (packet) => packet) {
  const server = startChat(change);
  const names = new RunNames();
  const addresses = [{ hostname: "127.0.0.1", port: server.port ?? 0 }];
  const generator = new Generator(
    { addresses, token: () => "", names, patienceMs: 500, forgets: true },
    new SocketIoProtocol(names),
  );
  await generator.connect({ sockets: 8, roomSize: 2 });
  generator.closedLoop(4, 1, 20);
  await generator.settle(5_000, true);
  generator.close();
  await server.stop(true);
  return generator.ledger;
}

/** The chat of `load/peers/socketio-server.mjs` over bare WebSockets. */
function startChat(change: Change) {
  const rooms = new Map<unknown, ServerWebSocket<{ user: string }>[]>();
  let deliveries = 0;
  return Bun.serve<{ user: string }>({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request, server) =>
      server.upgrade(request, { data: { user: "" } }) ? undefined : new Response("ok"),
    websocket: {
      open: (ws) => void ws.send('0{"sid":"x","pingInterval":25000}'),
      message: (ws, data) => {
        const text = String(data);
        if (text.startsWith("40")) {
          ws.data.user = (JSON.parse(text.slice(2)) as { user: string }).user;
          ws.send('40{"sid":"y"}');
          return;
        }
        const match = /^42(\d+)(\[.*)$/s.exec(text);
        const [name, room, key, content] = JSON.parse(match?.[2] ?? "[]") as unknown[];
        if (name === "join") rooms.set(room, [...(rooms.get(room) ?? []), ws]);
        for (const reader of name === "send" ? (rooms.get(room) ?? []) : []) {
          const packet = `42${JSON.stringify(["message", room, key, ws.data.user, content])}`;
          for (const text of [change(packet, ++deliveries, reader.data.user)].flat())
            reader.send(text);
        }
        ws.send(`43${match?.[1] ?? ""}["ok"]`);
      },
    },
  });
}

/** The payloads of client frames whose masking key is zero, read as a server's by clearing the bit. */
function unmasked(bytes: Uint8Array): string[] {
  const texts: string[] = [];
  const out: number[] = [];
  for (let at = 0; at < bytes.length;) {
    const length = ((bytes[at + 2] ?? 0) << 8) | (bytes[at + 3] ?? 0);
    expect(bytes[at + 1]).toBe(0x80 | 126);
    out.push(bytes[at] ?? 0, 126, bytes[at + 2] ?? 0, bytes[at + 3] ?? 0);
    out.push(...bytes.subarray(at + 8, at + 8 + length));
    at += 8 + length;
  }
  new FrameReader().push(Buffer.from(out), {
    text: (buffer, start, end) => void texts.push(buffer.toString("utf8", start, end)),
    ping: () => undefined,
    closed: () => undefined,
  });
  return texts;
}
