import { expect, test } from "bun:test";
import fc from "fast-check";
import { Outbound } from "../../../gateway/outbound.ts";
import { encodeReceipt, receiptPlace } from "../../../src/wire/reply.ts";

const receipt = fc.record({
  command: fc.nat(),
  key: fc.stringMatching(/^[a-z0-9-]{1,40}$/),
  partition: fc.nat({ max: 3_000 }),
  offset: fc.maxSafeNat(),
});
const line = fc.string({ unit: "binary", minLength: 1 });
const written = fc.array(fc.oneof(receipt, line), { minLength: 1, maxLength: 40 });

test("gives the lines in their order, receipts as they are made one by one", () => {
  fc.assert(
    fc.property(fc.array(written, { maxLength: 4 }), (flushes) => {
      for (const parts of flushes) {
        const out = Outbound.open();
        expect(out.chars).toBe(0);
        const expected: string[] = [];
        for (const part of parts) {
          if (typeof part === "string") {
            out.line(part);
            expected.push(part);
            continue;
          }
          const { command, key, partition, offset } = part;
          out.receipt(command, key, ".scope", receiptPlace("log", partition), offset);
          expected.push(encodeReceipt(command, `${key}.scope`, "log", partition, offset));
        }
        const text = expected.join("\n");
        expect(out.chars).toBeGreaterThanOrEqual(text.length);
        expect(out.chars).toBeLessThanOrEqual(text.length + 64 * parts.length);
        expect(out.close()).toBe(text);
      }
    }),
  );
});

test("does not keep the pieces of a large one", () => {
  const out = Outbound.open();
  for (let i = 0; i < 3_000; i++) out.line("x");
  expect(out.close()).toHaveLength(5_999);
  const next = Outbound.open();
  expect(next).not.toBe(out);
  next.close();
});
