import { describe, expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayProgram } from "../support/gateway/gateway-program.ts";
import { freshKey, run } from "../support/gateway/sending.ts";
import { trust } from "../support/gateway/trust.ts";
import { openWebSocket } from "../support/gateway/web-socket.ts";
import {
  checkFlushes,
  parseTrace,
  straceCommand,
  type Ack,
  type FlushVerdict,
} from "../support/strace.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const ROOM = "flushes";
const LANES = 4;
const SENDS_EACH = 15;
const POSTS = 10;
/** Receipts as strace shows them in what goes out on a socket, with the command's id or the key. */
const RECEIPT = /\{\\"id\\":(\d+),\\"send\\":\{\\"message\\"/g;
const POSTED = /\\"durability\\":\\"disk\\".{0,80}?\\"key\\":\\"([\w-]+)\\"\}/g;
const SENDS = new Set(["write", "writev", "sendto", "sendmsg"]);

/** Several times, since a page of the file may end in the middle of one. */
const marked = (mark: string) => ({ text: `${mark} `.repeat(4) });

/** Sends over sockets and HTTP. @returns the mark of each message by its command's id or its key */
async function talk(program: GatewayProgram): Promise<ReadonlyMap<string, string>> {
  const marks = new Map<string, string>();
  await using client = await openWebSocket(program.port);
  await client.ask("connect", { token: await trust.token({ user: "ana" }) });
  await client.ask("subscribe", { conversation: ROOM });
  const lane = async (): Promise<void> => {
    for (const _ of run(SENDS_EACH)) {
      const id = client.nextId();
      marks.set(String(id), `<mark-${id}>`);
      const send = {
        conversation: ROOM,
        key: freshKey(),
        attempt: 1,
        content: marked(`<mark-${id}>`),
      };
      const reply = client.replyTo(id);
      client.text(JSON.stringify({ id, send }));
      expect(await reply).toMatchObject({ kind: "reply", name: "send" });
    }
  };
  const post = async (): Promise<void> => {
    const token = await trust.token({ user: "curl" });
    for (const _ of run(POSTS)) {
      const key = freshKey();
      marks.set(key, `<mark-${key}>`);
      const response = await fetch(`${program.url}/v1/conversations/${ROOM}/messages`, {
        method: "POST",
        headers: { Authorization: `Bearer ${token}`, "Content-Type": "application/json" },
        body: JSON.stringify({ key, attempt: 1, content: marked(`<mark-${key}>`) }),
      });
      expect(response.status).toBe(201);
      await response.text();
    }
  };
  await Promise.all([...Array.from({ length: LANES }, lane), post()]);
  return marks;
}

/** Runs a program under strace and judges every receipt that left it on a socket. */
async function judge(script: string): Promise<FlushVerdict> {
  using folder = createTempFolder();
  const data = join(folder.path, "data");
  const trace = join(folder.path, "trace");
  await using program = await GatewayProgram.start({
    folder: data,
    program: script,
    wrapper: straceCommand(trace),
  });
  const marks = await talk(program);
  // strace lets no signal through: the program is its child.
  const { pid } = program;
  process.kill(Number(readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8")), "SIGTERM");
  const { code, errors } = await program.end();
  // What it wrote says why, when it did not end well.
  expect({ code, errors: code === 0 ? "" : errors }).toEqual({ code: 0, errors: "" });

  const calls = parseTrace(readFileSync(trace, "utf8"));
  const acks: Ack[] = [];
  for (const call of calls) {
    if (!SENDS.has(call.name) || call.args.includes(`<${folder.path}`)) continue;
    for (const pattern of [RECEIPT, POSTED])
      for (const [, name = ""] of call.args.matchAll(pattern))
        acks.push({ call, mark: marks.get(name) ?? `unknown ${name}` });
  }
  return checkFlushes(calls, acks, join(data, "log"));
}

describe("what a receipt that leaves the program rests on", () => {
  test("no receipt leaves on a socket before the flush that covers its message has returned", async () => {
    const verdict = await judge("cli/start.ts");
    expect(verdict.early).toEqual([]);
    expect(verdict.acks).toBe(LANES * SENDS_EACH + POSTS);
    expect(verdict.flushes).toBeGreaterThan(5);
  }, 60_000);

  test("the check catches a program whose log does not flush", async () => {
    const verdict = await judge("test/support/gateway/unflushed-fixture.ts");
    expect(verdict.acks).toBe(LANES * SENDS_EACH + POSTS);
    expect(verdict.early).toHaveLength(verdict.acks);
  }, 60_000);
});
