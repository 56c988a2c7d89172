import { expect, test } from "bun:test";
import { encodeMessageRecord, recordTemplate } from "../../../src/wire/record.ts";
import { packRecords } from "../../support/packed-records.ts";

test("an id has the hash of its bytes, by whichever seed is asked for, in turn", () => {
  const origin = { tenant: "acme", conversation: "general", sender: "ana", key: "general" };
  const [record] = packRecords([
    encodeMessageRecord(recordTemplate({ ...origin, source: "gateway-0" }), {
      key: "k",
      id: "k.scope",
      attempt: 1,
      fingerprint: "f",
      kind: "text",
      timestamp: 1,
      content: '{"text":"x"}',
    }),
  ]);
  expect(record?.read()).toBe(true);
  for (const seed of [7, 7, 0, 4_294_967_295, 7])
    expect(record?.idHash(seed)).toBe(Bun.hash.xxHash32("k.scope", seed));
});
