import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError } from "../../src/errors.ts";
import type {
  Outbox,
  OutboxEntry,
  OutboxMessage,
  OutboxRow,
  Published,
  Staged,
} from "../../src/ports/outbox.ts";
import type { LogRecord } from "../../src/wire/record.ts";

/** An outbox with nothing in it, and the same one as another process has it. */
export interface OutboxFixture {
  readonly outbox: Outbox;
  readonly other: Outbox;
  end(): Promise<void>;
}

/** The bounds that the outbox under test has to have. */
export const OUTBOX_BOUNDS = { outboxRowsMax: 60, outboxBytesMax: 20_000 };

const TOPIC = "chat.messages.acme";
const P0 = { topic: TOPIC, partition: 0 };
const P1 = { topic: TOPIC, partition: 1 };

const record = (value: string): LogRecord => ({
  key: "general",
  headers: { tidegate: `1 2 abc ${value.slice(0, 8)} 1 2` },
  value,
});
const row = (value: string, partition = 0): OutboxRow => ({
  topic: TOPIC,
  partition,
  record: record(value),
});
const message = (n: number): OutboxMessage => ({
  tenant: "acme",
  conversation: "orders",
  sender: "shop",
  key: `0198aaaa-bbbb-7ccc-8ddd-${String(n).padStart(12, "0")}`,
  kind: "text",
  content: `{"n":${n},"text":"é \\u0000 漢字"}`,
});
const all = (entries: readonly OutboxEntry[]): Promise<Published> =>
  Promise.resolve({ done: entries.length, parked: [] });

/** Takes everything out of a partition. */
async function drain(outbox: Outbox, partition = P0): Promise<OutboxEntry[]> {
  const out: OutboxEntry[] = [];
  for (;;) {
    const left = await outbox.publish(partition, 7, (entries) => {
      out.push(...entries);
      return all(entries);
    });
    if (left === 0) return out;
  }
}

async function codeOf(promise: Promise<unknown>): Promise<string> {
  try {
    await promise;
    return "none";
  } catch (error) {
    return error instanceof AppError ? error.code : String(error);
  }
}

/** Every sentence of the port `outbox`, for one adapter with {@link OUTBOX_BOUNDS}. */
export function outboxConformance(name: string, create: () => Promise<OutboxFixture>): void {
  describe(`outbox: ${name}`, () => {
    let fixture: OutboxFixture;
    let outbox: Outbox;
    let other: Outbox;
    beforeEach(async () => {
      fixture = await create();
      ({ outbox, other } = fixture);
    });
    afterEach(() => fixture.end());

    test("gives records back to the byte, in the order of the puts, numbered without holes", async () => {
      const texts = [
        "{}",
        '{"é":"漢字 😀"}',
        '{"esc":"\\u0000\\n\\ud800 \\" \\\\"}',
        "x".repeat(3_000),
      ];
      await outbox.put(texts.slice(0, 2).map((text) => row(text)));
      await other.put(texts.slice(2).map((text) => row(text)));
      const entries = await drain(outbox);
      expect(entries.map((entry) => entry.record)).toEqual(texts.map(record));
      expect(entries.map(({ number }) => number)).toEqual([1, 2, 3, 4]);
    });

    test("shows partitions with rows, at once and to every process, until they have left", async () => {
      expect(await other.pending()).toEqual([]);
      await outbox.put([row("ab"), row("cde", 1), row("f")]);
      const pending = [...(await other.pending())].sort((a, b) => a.partition - b.partition);
      expect(pending).toEqual([
        { ...P0, rows: 2, chars: 3, done: 0 },
        { ...P1, rows: 1, chars: 3, done: 0 },
      ]);
      await outbox.publish(P0, 1, all);
      await outbox.publish(P1, 1, all);
      expect(await other.pending()).toEqual([{ ...P0, rows: 1, chars: 1, done: 1 }]);
      await drain(outbox);
      expect(await outbox.pending()).toEqual([]);
    });

    test("keeps each put together and numbers without holes when many put at once", async () => {
      const puts = Array.from({ length: 12 }, (_, put) =>
        (put % 2 ? outbox : other).put([0, 1, 2].map((i) => row(`${put}.${i}`, i % 2))),
      );
      await Promise.all(puts);
      const zero = await drain(outbox);
      const one = await drain(outbox, P1);
      expect(zero.map(({ number }) => number)).toEqual(Array.from({ length: 24 }, (_, i) => i + 1));
      expect(one).toHaveLength(12);
      for (let i = 0; i < 24; i += 2) {
        const [put] = (zero[i]?.record.value ?? "").split(".");
        expect(zero[i]?.record.value).toBe(`${put}.0`);
        expect(zero[i + 1]?.record.value).toBe(`${put}.2`);
      }
    });

    test("has one publisher at a time in a partition, of all processes, and any number in others", async () => {
      await outbox.put([row("a"), row("b", 1)]);
      const begun = Promise.withResolvers<void>();
      const goOn = Promise.withResolvers<void>();
      const first = outbox.publish(P0, 10, async (entries) => {
        begun.resolve();
        await goOn.promise;
        return all(entries);
      });
      await begun.promise;
      expect(await other.publish(P0, 10, all)).toBeUndefined();
      expect(await other.publish(P1, 10, all)).toBe(1);
      goOn.resolve();
      expect(await first).toBe(1);
      expect(await other.publish(P0, 10, all)).toBe(0);
    });

    test("takes puts into a partition while it is being published, behind its rows", async () => {
      await outbox.put([row("a")]);
      await outbox.publish(P0, 10, async (entries) => {
        await other.put([row("b")]);
        return all(entries);
      });
      expect((await drain(other)).map((entry) => [entry.number, entry.record.value])).toEqual([
        [2, "b"],
      ]);
    });

    test("lets only the first rows leave that were published, and gives the others again", async () => {
      await outbox.put(["a", "b", "c", "d"].map((text) => row(text)));
      expect(await outbox.publish(P0, 3, () => Promise.resolve({ done: 2, parked: [] }))).toBe(2);
      expect(await outbox.publish(P0, 3, () => Promise.resolve({ done: 0, parked: [] }))).toBe(0);
      expect((await drain(other)).map((entry) => entry.record.value)).toEqual(["c", "d"]);
    });

    test("keeps every row and lets go of the partition when publishing throws", async () => {
      await outbox.put([row("a"), row("b")]);
      const failing = outbox.publish(P0, 10, () => Promise.reject(new AppError("log_unavailable")));
      expect(await codeOf(failing)).toBe("log_unavailable");
      expect((await drain(other)).map((entry) => entry.record.value)).toEqual(["a", "b"]);
    });

    test("keeps parked rows apart, with their reason, newest first", async () => {
      await outbox.put(["a", "bad", "c", "worse"].map((text) => row(text)));
      const parked = [
        { number: 2, reason: "record_too_large: é" },
        { number: 4, reason: "malformed_record" },
      ];
      expect(await outbox.publish(P0, 10, () => Promise.resolve({ done: 4, parked }))).toBe(4);
      expect(await other.pending()).toEqual([]);
      const kept = await other.parked(10);
      expect(kept.map(({ origin, reason }) => [origin, reason])).toEqual([
        [`${TOPIC}/0/4`, "malformed_record"],
        [`${TOPIC}/0/2`, "record_too_large: é"],
      ]);
      expect(kept.map((one) => one.record)).toEqual([record("worse"), record("bad")]);
      expect(kept[0]?.parkedAt).toBeGreaterThan(1_600_000_000_000);
      expect(await other.parked(1)).toHaveLength(1);
      expect((await other.stats()).parked).toBe(2);
    });

    test("refuses whole puts beyond its bounds and takes them when there is room", async () => {
      const many = Array.from({ length: OUTBOX_BOUNDS.outboxRowsMax }, (_, i) => row(String(i)));
      await outbox.put(many.slice(1));
      expect(await codeOf(other.put([row("x"), row("y", 1)]))).toBe("overloaded");
      expect((await other.stats()).rows).toBe(many.length - 1);
      await other.put([row("x")]);
      expect(await codeOf(outbox.put([row("y", 1)]))).toBe("overloaded");
      await drain(outbox);
      await outbox.put([row("y", 1)]);
      const big = "x".repeat(OUTBOX_BOUNDS.outboxBytesMax);
      expect(await codeOf(outbox.put([row(big)]))).toBe("overloaded");
      expect(await drain(outbox, P1)).toHaveLength(1);
      await outbox.put([row(big)]);
    });

    test("makes messages rows in their order, and parks those with a fault", async () => {
      await outbox.submit([message(1), message(2)]);
      await other.submit([message(3)]);
      const seen: OutboxMessage[] = [];
      const build = (messages: readonly OutboxMessage[]): Promise<readonly Staged[]> => {
        seen.push(...messages);
        return Promise.resolve(
          messages.map((one): Staged =>
            one.key === message(2).key ? { fault: "nobody knows it" } : row(one.content),
          ),
        );
      };
      expect(await outbox.stage(2, build)).toBe(2);
      expect(await other.stage(2, build)).toBe(1);
      expect(await other.stage(2, build)).toBe(0);
      expect(seen).toEqual([message(1), message(2), message(3)]);
      const [parked] = await outbox.parked(10);
      expect(parked?.reason).toBe("nobody knows it");
      expect(parked?.origin).toMatch(/^message\/\d+$/);
      expect(JSON.parse(parked?.record.value ?? "")).toEqual(message(2));
      const values = (await drain(outbox)).map((entry) => entry.record.value);
      expect(values).toEqual([message(1).content, message(3).content]);
    });

    test("keeps messages that could not be staged, in their order", async () => {
      await outbox.submit([message(1), message(2)]);
      const away = outbox.stage(10, () => Promise.reject(new AppError("store_unavailable")));
      expect(await codeOf(away)).toBe("store_unavailable");
      await outbox.put(
        Array.from({ length: OUTBOX_BOUNDS.outboxRowsMax - 1 }, (_, i) => row(String(i), 1)),
      );
      const build = (messages: readonly OutboxMessage[]) =>
        Promise.resolve(messages.map((one) => row(one.content)));
      expect(await codeOf(other.stage(10, build))).toBe("overloaded");
      await drain(outbox, P1);
      expect(await other.stage(10, build)).toBe(2);
      expect(await drain(outbox)).toHaveLength(2);
    });

    test("has one process at a time that stages", async () => {
      await outbox.submit([message(1)]);
      await outbox.stage(10, async (messages) => {
        expect(await other.stage(10, () => Promise.resolve([]))).toBeUndefined();
        return messages.map((one) => row(one.content));
      });
      expect(await drain(other)).toHaveLength(1);
    });

    test("counts what waits, and for how long", async () => {
      const nothing = { rows: 0, chars: 0, messages: 0, parked: 0, oldestMs: 0 };
      expect(await outbox.stats()).toEqual(nothing);
      await outbox.put([row("ab"), row("c", 1)]);
      await outbox.submit([message(1)]);
      const { oldestMs, ...counts } = await other.stats();
      expect(counts).toEqual({ rows: 2, chars: 3, messages: 1, parked: 0 });
      expect(oldestMs).toBeLessThan(60_000);
    });

    test("does as plain lists do, whatever the order of puts and publishing", async () => {
      const step = fc.record({
        partition: fc.nat({ max: 1 }),
        put: fc.nat({ max: 4 }),
        take: fc.nat({ max: 6 }),
        leave: fc.nat({ max: 6 }),
      });
      let n = 0;
      await fc.assert(
        fc.asyncProperty(fc.array(step, { maxLength: 8 }), async (steps) => {
          const model: string[][] = [[], []];
          for (const { partition, put, take, leave } of steps) {
            const list = model[partition] as string[];
            const values = Array.from({ length: put }, () => String(n++));
            await outbox.put(values.map((value) => row(value, partition)));
            list.push(...values);
            if (take === 0) continue;
            const seen: string[] = [];
            await other.publish({ topic: TOPIC, partition }, take, (entries) => {
              seen.push(...entries.map((entry) => entry.record.value));
              return Promise.resolve({ done: Math.min(leave, entries.length), parked: [] });
            });
            expect(seen).toEqual(list.slice(0, take));
            list.splice(0, Math.min(leave, seen.length));
          }
          for (const partition of [0, 1]) {
            const left = await drain(outbox, { topic: TOPIC, partition });
            expect(left.map((entry) => entry.record.value)).toEqual(model[partition] as string[]);
          }
        }),
        { numRuns: 25 },
      );
    });
  });
}
