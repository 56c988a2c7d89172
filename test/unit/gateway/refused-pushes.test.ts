import { expect, test } from "bun:test";
import { RefusedPushes } from "../../../gateway/refused-pushes.ts";
import type { Refusal } from "../../../src/ports/backplane.ts";

const refusal: Refusal = {
  tenant: "acme",
  user: "ana",
  conversation: "general",
  key: "k",
  message: "m",
  code: "key_conflict",
  origin: "t/0/7",
};

class Socket {
  readonly lines: string[] = [];
  reply(line: string): void {
    this.lines.push(line);
  }
}

test("a refusal that is heard again is told to those who have not been told", () => {
  const pushes = new RefusedPushes(100);
  const [early, late] = [new Socket(), new Socket()];
  pushes.push(refusal, []);
  pushes.push(refusal, [early]);
  pushes.push(refusal, [early, late]);
  pushes.push(refusal, [early, late]);
  expect([early.lines.length, late.lines.length]).toEqual([1, 1]);
  expect(JSON.parse(early.lines[0] as string)).toMatchObject({ push: { refused: { key: "k" } } });
});

test("another record that is refused in the same way is told as well", () => {
  const pushes = new RefusedPushes(100);
  const socket = new Socket();
  pushes.push(refusal, [socket]);
  pushes.push({ ...refusal, origin: "t/0/8" }, [socket]);
  expect(socket.lines).toHaveLength(2);
});
