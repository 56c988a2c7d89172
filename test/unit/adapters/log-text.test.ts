import { expect, test } from "bun:test";
import {
  checkRecords,
  decodeRecords,
  writeRecords,
} from "../../../src/adapters/sqlite/log-text.ts";
import { TextBytes } from "../../../src/adapters/sqlite/text-bytes.ts";
import { MessageRecord } from "../../../src/wire/message-record.ts";
import { recordTemplate, type LogRecord } from "../../../src/wire/record.ts";

const template = recordTemplate({
  tenant: "acme",
  conversation: "général",
  sender: "ana",
  key: "acme/général",
  source: "gateway",
});

function message(content: string): MessageRecord {
  const key = "0193-k1";
  return new MessageRecord(template, {
    key,
    id: `${key}.scope`,
    attempt: 1,
    kind: "text",
    timestamp: 1_795_254_378_085,
    content,
    fingerprint: "f1",
  });
}

const plain = ({ key, headers, value }: LogRecord): LogRecord => ({ key, headers, value });

test("records of messages and of other kinds are read as they were written", () => {
  const records = [
    message('{"text":"a\\tb"}'),
    { key: "k", headers: { a: "1", b: "2" }, value: "tab\tand é" },
    message('{"text":"漢字 😀"}'),
    message('{"text":"traced, 漢字"}').traced(`00-${"a".repeat(32)}-${"b".repeat(16)}-01`),
    { key: "", headers: {}, value: "" },
    message("{}"),
  ];
  const checked = checkRecords(records);
  const bytes = new TextBytes(new ArrayBuffer(8), 0);
  writeRecords(checked, bytes);
  const text = Buffer.from(bytes.buffer, 0, bytes.length).toString();
  expect(text.length).toBe(checked.chars);
  const read: LogRecord[] = [];
  expect(decodeRecords(text, 0, 10, read)).toBe(records.length);
  expect(read.map((record) => ({ ...record, headers: { ...record.headers } }))).toEqual(
    records.map(plain),
  );
});

test("a message of two lines is refused", () => {
  expect(() => checkRecords([message("{}"), message('{"text":\n"a"}')])).toThrow(TypeError);
});
