import { expect, test } from "bun:test";
import { BODY_BYTES, bodyText } from "../../../load/native/body.ts";
import { CommandWriter, SEND_ID_BASE } from "../../../load/native/command.ts";
import { RunNames } from "../../../load/native/key.ts";
import { sendSchema } from "../../../src/wire/command.ts";

const HEADER_BYTES = 8;

test("writes commands that the protocol's schema takes, in one frame", () => {
  const names = new RunNames();
  const writer = new CommandWriter(names);
  const now = Date.now();
  const numbers = [0, 1, 15, 4_096, 1_000_000, 4_294_967_295];
  writer.frame(numbers.length);
  numbers.forEach((number, i) => writer.line(number, i, now, i === numbers.length - 1));
  const { bytes, length } = writer.take();
  const lines = Buffer.from(bytes.subarray(HEADER_BYTES, length)).toString().split("\n");
  expect(lines).toHaveLength(numbers.length);
  lines.forEach((line, i) => {
    const number = numbers[i] as number;
    const command = JSON.parse(line) as { id: number; send: unknown };
    expect(command.id).toBe(SEND_ID_BASE + number);
    expect(sendSchema.parse(command.send)).toMatchObject({
      conversation: names.room(i),
      key: names.key(number, now),
      attempt: 1,
    });
    expect(line).toEndWith(`"content":${bodyText(number)}}}`);
  });
});

test("has bodies of one length with text outside ASCII and escapes", () => {
  for (let number = 0; number < 16; number++) {
    const text = bodyText(number);
    expect(Buffer.from(text).length).toBe(BODY_BYTES);
    expect(JSON.parse(text)).toHaveProperty("text");
  }
  const all = Array.from({ length: 16 }, (_, number) => bodyText(number)).join("");
  expect(all).toMatch(/[^\x20-\x7e]/);
  expect(all).toContain("\\u");
  expect(all).toContain('\\"');
});
