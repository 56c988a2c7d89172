import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { CLOSE_TABLE, type CloseReason } from "../../src/close-codes.ts";
import { limitsWith } from "../../src/limits.ts";
import { Bystander } from "../support/gateway/bystander.ts";
import type { Closed } from "../support/gateway/protocol-client.ts";
import { freshKey, say } from "../support/gateway/sending.ts";
import { frameBytes, OPCODE, TcpSocket } from "../support/gateway/tcp-socket.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";

const limits = limitsWith();
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

function closedFor(reason: CloseReason): Closed {
  return CLOSE_TABLE[reason];
}

/** Sends one text frame on a connected socket. @returns how the server closed it */
async function closeAfter(frame: string): Promise<Closed> {
  await using client = await gateway.connect({ user: "mallory" });
  client.text(frame);
  return await client.end();
}

const nested = (levels: number): string => "[".repeat(levels) + "]".repeat(levels);
const send = (id: number, content: string): string =>
  `{"id":${id},"send":{"conversation":"frames","key":"${freshKey()}","attempt":1,"content":${content}}}`;

describe("a frame that no client may send closes its socket alone", () => {
  const faults: readonly (readonly [string, CloseReason, () => string])[] = [
    ["text that is no JSON", "malformed_frame", () => "hello"],
    ["an empty frame", "malformed_frame", () => ""],
    ["blank lines alone", "malformed_frame", () => " \n\r\n\t"],
    ["an array", "malformed_frame", () => '[{"id":1}]'],
    ["a number", "malformed_frame", () => "17"],
    ["JSON that is cut off", "malformed_frame", () => send(2, "{}").slice(0, -1)],
    ["two objects in one line", "malformed_frame", () => `${send(2, "{}")}${send(3, "{}")}`],
    ["a good line before a bad one", "malformed_frame", () => `${send(2, "{}")}\nnot json`],
    [
      "a line nested beyond the limit",
      "frame_too_deep",
      () => `{"id":2,"x":${nested(limits.frameDepthMax)}}`,
    ],
    [
      "content nested beyond the limit",
      "frame_too_deep",
      () => send(2, `{"a":${nested(limits.frameDepthMax)}}`),
    ],
    ["100,000 open brackets", "frame_too_deep", () => "[".repeat(100_000)],
    ["more lines than the limit", "too_many_lines", () => "{}\n".repeat(limits.frameLinesMax + 1)],
    [
      "one byte beyond the limit",
      "frame_too_large",
      () => " ".repeat(limits.frameBytesMax - 1) + "{}",
    ],
    [
      "UTF-8 beyond the limit, in fewer characters",
      "frame_too_large",
      () => `"${"€".repeat(limits.frameBytesMax / 2)}"`,
    ],
  ];

  for (const [what, reason, frame] of faults) {
    test(`${what}: ${reason}`, async () => {
      expect(await bystander.during(() => closeAfter(frame()))).toEqual(closedFor(reason));
    });
  }

  test("a frame at every limit is taken", async () => {
    await using client = await gateway.connect({ user: "ana" });
    const lines = "{}\n".repeat(limits.frameLinesMax - 1);
    const last = client.command("history", { conversation: "frames" });
    client.text(
      lines + " ".repeat(limits.frameBytesMax - lines.length - last.line.length) + last.line,
    );
    await last.reply;
    const deep = `${'{"a":'.repeat(limits.frameDepthMax - 3)}{}${"}".repeat(limits.frameDepthMax - 3)}`;
    client.text(send(900, deep));
    expect(await client.replyTo(900)).toMatchObject({ kind: "reply", name: "send" });
  });

  test("nothing of a malformed frame takes effect", async () => {
    const room = "frames-all-or-nothing";
    await using reader = await gateway.connect({ user: "ana" });
    await reader.ask("subscribe", { conversation: room });
    const line = send(2, "{}").replace('"frames"', JSON.stringify(room));
    expect(await closeAfter(`${line}\n{`)).toEqual(closedFor("malformed_frame"));
    await say(reader, room, "the first");
    await reader.until("an event came", () => reader.events(room).length > 0);
    expect(reader.events(room)[0]).toMatchObject({ seq: 1, event: { sender: "ana" } });
  });

  test("a binary frame: binary_frame", async () => {
    const closed = await bystander.during(async () => {
      await using client = await gateway.open();
      client.socket.send(new TextEncoder().encode(send(2, "{}")));
      return await client.end();
    });
    expect(closed).toEqual(closedFor("binary_frame"));
  });
});

describe("bytes that break RFC 6455 end their connection alone", () => {
  async function closeAfterBytes(...parts: readonly Uint8Array[]): Promise<Closed> {
    return bystander.during(async () => {
      await using socket = await gateway.connectTcp({ user: "mallory" });
      for (const part of parts) socket.write(part);
      return await socket.client.end();
    });
  }

  test("text that is not UTF-8", async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.from([0xff, 0xfe]),
      Buffer.from('"}'),
    ]);
    expect((await closeAfterBytes(frameBytes(OPCODE.text, bytes))).code).toBe(1007);
  });

  test("UTF-8 that is cut off inside a character", async () => {
    const bytes = Buffer.from('{"a":"€').subarray(0, -1);
    expect((await closeAfterBytes(frameBytes(OPCODE.text, bytes))).code).toBe(1007);
  });

  test("a surrogate in UTF-8", async () => {
    const bytes = Buffer.concat([
      Buffer.from('{"a":"'),
      Buffer.from([0xed, 0xa0, 0x80]),
      Buffer.from('"}'),
    ]);
    expect((await closeAfterBytes(frameBytes(OPCODE.text, bytes))).code).toBe(1007);
  });

  for (const [what, bytes] of [
    ["a frame without mask", frameBytes(OPCODE.text, "{}", { masked: false })],
    ["a continuation of nothing", frameBytes(OPCODE.continuation, "{}")],
    ["an opcode that there is not", frameBytes(3 as 2, "{}")],
    ["a ping in pieces", frameBytes(OPCODE.ping, "", { final: false })],
    ["reserved bits", Buffer.from([0xf1, 0x80, 0, 0, 0, 0])],
    [
      "a length beyond all bounds",
      Buffer.from([0x81, 0xff, 0x7f, 255, 255, 255, 255, 255, 255, 255, 0, 0, 0, 0]),
    ],
  ] as const) {
    test(what, async () => {
      const { code } = await closeAfterBytes(bytes);
      expect([1002, 1006, 1009]).toContain(code);
    });
  }

  test("a client's close is answered", async () => {
    const status = Buffer.alloc(2);
    status.writeUInt16BE(1000);
    expect((await closeAfterBytes(frameBytes(OPCODE.close, status))).code).toBe(1000);
  });

  test("a client that vanishes in the middle of a frame", async () => {
    await bystander.during(async () => {
      const before = await gateway.metric("tidegate_connections ");
      const socket = await gateway.connectTcp({ user: "mallory" });
      await socket.client.ask("subscribe", { conversation: "frames" });
      socket.write(frameBytes(OPCODE.text, send(2, "{}")).subarray(0, 20));
      socket.terminate();
      for (;;) if ((await gateway.metric("tidegate_connections ")) === before) return;
    });
  });
});

describe("fragmented frames", () => {
  test("one message in many frames, cut inside characters, with pings between, is one frame", async () => {
    await using socket = await gateway.connectTcp({ user: "ana" });
    const room = "frames-in-pieces";
    await socket.client.ask("subscribe", { conversation: room });
    const content = '{"text":"grüße 🌊 \\ud83c\\udf0a"}';
    const bytes = Buffer.from(send(50, content).replace('"frames"', JSON.stringify(room)));
    const reply = socket.client.replyTo(50);
    for (const [i, byte] of bytes.entries()) {
      const opcode = i === 0 ? OPCODE.text : OPCODE.continuation;
      socket.write(frameBytes(opcode, Buffer.of(byte), { final: i === bytes.length - 1 }));
      if (i % 40 === 0) socket.write(frameBytes(OPCODE.ping, "?"));
    }
    expect(await reply).toMatchObject({ kind: "reply", name: "send" });
    await socket.client.until("the event came", () => socket.client.events(room).length === 1);
    expect(socket.client.events(room)[0]?.event.content).toEqual({ text: "grüße 🌊 🌊" });
  });

  test("a message in pieces that grows beyond the limit is cut off before it is whole", async () => {
    await bystander.during(async () => {
      await using socket = await TcpSocket.open(gateway.port);
      const piece = Buffer.alloc(64 * 1024, 32);
      socket.write(frameBytes(OPCODE.text, piece, { final: false }));
      let pieces = 1;
      while (socket.client.closed === undefined && pieces < 1_000) {
        socket.write(frameBytes(OPCODE.continuation, piece, { final: false }));
        pieces++;
        await Bun.sleep(0);
      }
      await socket.client.end();
      expect(pieces).toBeLessThan(1_000);
    });
  });
});
