import { afterEach, describe, expect, test } from "bun:test";
import { DeadLetters as Keeper } from "../../consumers/dead-letter.ts";
import { locateIn } from "../../consumers/locate.ts";
import { createMemoryOutbox } from "../../src/adapters/memory/outbox.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { NOTHING_KNOWN, Sequencer } from "../../src/chat/sequencer.ts";
import { DeadLetterDesk } from "../../src/dead-letters/desk.ts";
import { limitsWith, type Limits } from "../../src/limits.ts";
import { messageRow } from "../../src/placing/message-row.ts";
import type { DeadLetters } from "../../src/ports/dead-letters.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { OutboxMessage, OutboxRow } from "../../src/ports/outbox.ts";
import { chatTopic, deadLetterTopic } from "../../src/topics.ts";
import { parseVerdictHeader, type LogRecord } from "../../src/wire/record.ts";
import { rejection } from "../support/rejection.ts";
import type { EventLogHarness } from "./event-log-kit.ts";

const PARTITIONS = 2;
const TOPIC = chatTopic("acme", PARTITIONS);
const digest = createSystemDigest();
const clock = createSystemClock();

const message = (n: number, change: Partial<OutboxMessage> = {}): OutboxMessage => ({
  tenant: "acme",
  conversation: "general",
  sender: "ana",
  key: `0198aaaa-bbbb-7ccc-8ddd-${String(n).padStart(12, "0")}`,
  kind: "text",
  content: `{"text":"é \\u0000 漢字", "n": ${n}.0}`,
  ...change,
});

/** Every sentence of the port `dead-letters`, over a log of any kind. */
export function deadLettersConformance(
  name: string,
  createLog: () => Promise<EventLogHarness>,
): void {
  describe(`dead letters: ${name}`, () => {
    const harnesses: EventLogHarness[] = [];
    afterEach(async () => {
      await Promise.all(harnesses.splice(0).map((harness) => harness.dispose()));
    });

    async function open(changes: Partial<Limits> = {}) {
      const harness = await createLog();
      harnesses.push(harness);
      const { log } = harness;
      await log.createTopic(TOPIC);
      const limits = limitsWith(changes);
      const places = new Set(["acme"]);
      const placement = { topic: TOPIC.name, shared: false, partitions: PARTITIONS };
      const find = (tenant: string) => Promise.resolve(places.has(tenant) ? placement : undefined);
      const catalog = { find, isGone: () => false, place: async () => placement };
      const outbox = createMemoryOutbox({ clock, limits });
      const options = { log, outbox, catalog, digest, clock, limits, source: "test" };
      const keeper = new Keeper(log, "delivery", clock);
      const desk = (): DeadLetters => new DeadLetterDesk(options);
      return { log, options, outbox, keeper, desk, one: desk() };
    }
    type World = Awaited<ReturnType<typeof open>>;

    /** The row that a gateway would append. */
    async function rowOf(world: World, sent: OutboxMessage): Promise<OutboxRow> {
      const row = await messageRow(sent, world.options);
      if ("fault" in row) throw new Error(row.fault);
      return row;
    }

    /** Keeps a record whose headers were lost on its way. */
    async function keepBare(world: World, n: number, change: Partial<LogRecord> = {}) {
      const { record } = await rowOf(world, message(n));
      const bare = { ...record, headers: {}, ...change };
      await keep(world, bare, n);
      return record;
    }

    const keep = (world: World, record: LogRecord, offset: number, reason = "malformed_record") =>
      world.keeper.keep([
        { reason, origin: `${TOPIC.name}/0/${offset}`, attempts: 1, tenant: "acme", record },
      ]);

    async function appended(log: EventLog): Promise<readonly LogRecord[]> {
      const all: LogRecord[] = [];
      for (let partition = 0; partition < PARTITIONS; partition++) {
        const { start, end } = await log.range(TOPIC.name, partition);
        if (end > start) all.push(...(await log.read(TOPIC.name, partition, start, 1_000)).records);
      }
      return all;
    }

    test("tells the whole story of each, newest first, and changes nothing by telling", async () => {
      const world = await open();
      expect(await world.one.list({})).toEqual({ letters: [], next: undefined });
      const trace = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
      await keepBare(world, 1, { headers: { traceparent: trace } });
      await keepBare(world, 2);
      const { letters, next } = await world.one.list({});
      expect(next).toBeUndefined();
      expect(letters.map(({ origin }) => origin)).toEqual([
        `${TOPIC.name}/0/2`,
        `${TOPIC.name}/0/1`,
      ]);
      const oldest = letters[1];
      expect(oldest).toMatchObject({
        pool: "delivery",
        reason: "malformed_record",
        tenant: "acme",
        attempts: 1,
        trace,
        redrivenAt: undefined,
        obstacle: undefined,
      });
      expect(Math.abs(clock.now() - (oldest?.keptAt ?? 0))).toBeLessThan(60_000);
      expect(await world.one.list({})).toEqual({ letters, next });
      expect(await appended(world.log)).toEqual([]);
    });

    test("gives every letter once over its pages, and a bounded page of a tenant's", async () => {
      const world = await open({ deadLetterListMax: 4, deadLetterScanMax: 4, parkedListMax: 3 });
      for (let n = 1; n <= 9; n++) await keepBare(world, n);
      await parkMessages(world, 3);
      const origins: string[] = [];
      let after: string | undefined;
      do {
        const page = await world.one.list({
          lettersMax: 2,
          ...(after === undefined ? {} : { after }),
        });
        expect(page.letters.length).toBeLessThanOrEqual(2);
        origins.push(...page.letters.map(({ origin }) => origin));
        after = page.next;
      } while (after !== undefined);
      expect(origins).toHaveLength(12);
      expect(new Set(origins).size).toBe(12);
      const kept = origins.filter((origin) => origin.startsWith(TOPIC.name));
      expect(kept).toEqual(Array.from({ length: 9 }, (_, i) => `${TOPIC.name}/0/${9 - i}`));
      expect((await world.one.list({ lettersMax: 1_000 })).letters).toHaveLength(4);
      expect((await world.one.list({ pool: "outbox" })).letters).toHaveLength(3);
      const others = await world.one.list({ tenant: "rival", pool: "delivery" });
      expect(others.letters).toEqual([]);
      expect(others.next).toBeString();
      expect(await rejection(world.one.list({ after: "nonsense" }))).toMatchObject({
        code: "invalid_cursor",
      });
    });

    test("shows a value without what a terminal would obey, cut to its limit", async () => {
      const world = await open({ deadLetterValueCharsMax: 40 });
      const value = `\u001b[2J\u202egnp.exe ${"x".repeat(100)}`;
      await keepBare(world, 1, { key: "a\u0007b", value });
      const [letter] = (await world.one.list({})).letters;
      expect(letter?.obstacle).toContain("not that of a message");
      const shown = await world.one.find(letter?.id ?? "");
      expect(shown?.key).toBe("a\\u0007b");
      expect(shown?.value).toBe(`\\u001b[2J\\u202egnp.exe ${"x".repeat(27)}`);
      expect(shown?.valueChars).toBe(value.length);
      for (const id of ["delivery:7", "delivery:-1", "delivery:x", "nobody:0", "", "outbox:a"])
        expect(await world.one.find(id)).toBeUndefined();
    });

    test("redrives a message with its id and a raised attempt, so that it is placed once", async () => {
      const world = await open();
      const record = await keepBare(world, 1);
      const [letter] = (await world.one.list({})).letters;
      const redriven = await world.one.redrive(letter?.id ?? "", false);
      const header = parseVerdictHeader(record);
      expect(redriven).toMatchObject({ message: header?.id as string, marked: true });
      await world.one.redrive(letter?.id ?? "", true);
      const records = await appended(world.log);
      expect(records).toHaveLength(2);
      const payload = (one: LogRecord) => one.value.slice(one.value.indexOf('"payload"'));
      for (const one of records) {
        expect(one.key).toBe("general");
        expect(payload(one)).toBe(payload(record));
        expect(one.value).toContain((/"timestamp":\d+/.exec(record.value) ?? ["?"])[0]);
        expect(parseVerdictHeader(one)).toMatchObject({
          id: header?.id as string,
          fingerprint: header?.fingerprint as string,
        });
        expect(parseVerdictHeader(one)?.attempt).toBeGreaterThan(1);
      }
      const { offset, partition } = redriven;
      expect((await world.log.read(redriven.topic, partition, offset, 1)).records).toEqual([
        records[0] as LogRecord,
      ]);
      const sequencer = new Sequencer({
        locate: locateIn(TOPIC.name),
        incarnation: "i",
        windowOffsets: 100,
        headsMax: 10,
      });
      const prepared = sequencer.prepare([record, ...records], [0, 1, 2]);
      const folded = sequencer.fold(prepared, NOTHING_KNOWN, 0);
      expect(folded).toMatchObject({ duplicates: 2, refused: [] });
      expect(folded.placed).toHaveLength(1);
    });

    test("marks what was redriven for all processes, and tells a second redrive", async () => {
      const world = await open();
      await keepBare(world, 1);
      await keepBare(world, 2);
      const id = (await world.one.list({})).letters[1]?.id ?? "";
      const { redrivenAt } = await world.one.redrive(id, false);
      const other = world.desk();
      for (const desk of [world.one, other]) {
        const { letters } = await desk.list({});
        expect(letters.map((letter) => letter.redrivenAt)).toEqual([undefined, redrivenAt]);
        expect(await rejection(desk.redrive(id, false))).toMatchObject({
          code: "already_redriven",
        });
      }
      expect(await appended(world.log)).toHaveLength(1);
      const again = await other.redrive(id, true);
      expect((await world.one.find(id))?.redrivenAt).toBe(again.redrivenAt);
      expect(await rejection(world.one.redrive("delivery:99", false))).toMatchObject({
        code: "not_found",
      });
    });

    test("remembers a bounded number of redrives, the newest", async () => {
      const world = await open({ deadLetterMarksMax: 1 });
      await keepBare(world, 1);
      await keepBare(world, 2);
      const ids = (await world.one.list({})).letters.map(({ id }) => id);
      for (const id of ids) await world.one.redrive(id, false);
      const { letters } = await world.desk().list({});
      expect(letters.map(({ redrivenAt }) => redrivenAt === undefined)).toEqual([true, false]);
    });

    test("refuses to redrive a key conflict as it is, says so, and leaves it unmarked", async () => {
      const world = await open();
      const { record } = await rowOf(world, message(1));
      await keep(world, record, 1, "key_conflict");
      const [letter] = (await world.one.list({})).letters;
      expect(letter?.obstacle).toContain("another message was placed under its key");
      expect(await rejection(world.one.redrive(letter?.id ?? "", true))).toMatchObject({
        code: "redrive_refused",
        message: letter?.obstacle as string,
      });
      expect((await world.one.list({})).letters[0]?.redrivenAt).toBeUndefined();
      expect(await appended(world.log)).toEqual([]);
    });

    test("places nothing in another tenant's or another sender's name", async () => {
      const world = await open();
      const { record } = await rowOf(world, message(1));
      const claim = (from: string, to: string) => record.value.replace(from, to);
      await keep(world, { ...record, headers: {}, value: claim('"acme"', '"rival"') }, 1);
      await keep(world, { ...record, headers: {}, value: claim('"ana"', '"ben"') }, 2);
      await keep(world, { ...record, headers: {}, value: claim('"general"', '"secret"') }, 3);
      const { letters } = await world.one.list({});
      for (const { id } of letters)
        expect(await rejection(world.one.redrive(id, false))).toMatchObject({
          code: "redrive_refused",
        });
      expect(letters[2]?.obstacle).toContain("another tenant");
      expect(await appended(world.log)).toEqual([]);
    });

    test("shows what others wrote into a dead-letter topic, and redrives none of it", async () => {
      const world = await open();
      await world.log.createTopic(deadLetterTopic("delivery"));
      const foreign = { key: "k", headers: {}, value: '{"record":7}' };
      await world.log.append(deadLetterTopic("delivery").name, 0, [foreign]);
      const [letter] = (await world.one.list({})).letters;
      expect(letter).toMatchObject({ reason: "unreadable", origin: "", attempts: 0 });
      expect((await world.one.find(letter?.id ?? ""))?.value).toBe(foreign.value);
      expect(await rejection(world.one.redrive(letter?.id ?? "", false))).toMatchObject({
        code: "redrive_refused",
      });
    });

    /** Messages of another service whose tenant nobody knew. */
    async function parkMessages(world: World, count: number): Promise<void> {
      await world.outbox.submit(Array.from({ length: count }, (_, i) => message(100 + i)));
      await world.outbox.stage(count, (messages) =>
        Promise.resolve(messages.map(() => ({ fault: "forbidden: there is no tenant acme" }))),
      );
    }

    test("lists what the outbox has parked, and redrives it once its cause is gone", async () => {
      const world = await open();
      await parkMessages(world, 1);
      const row = await rowOf(world, message(200));
      await world.outbox.put([row]);
      await world.outbox.publish(row, 1, ([entry]) =>
        Promise.resolve({
          done: 1,
          parked: [{ number: entry?.number ?? 0, reason: "record_too_large: too large" }],
        }),
      );
      const { letters } = await world.one.list({ pool: "outbox" });
      expect(letters.map(({ reason, tenant }) => [reason.split(":")[0], tenant])).toEqual([
        ["record_too_large", "acme"],
        ["forbidden", "acme"],
      ]);
      for (const { id } of letters) {
        expect(await world.one.redrive(id, false)).toMatchObject({ marked: true });
        expect(await rejection(world.one.redrive(id, false))).toMatchObject({
          code: "already_redriven",
        });
      }
      const ids = (await appended(world.log)).map((record) => parseVerdictHeader(record)?.id);
      const wanted = await Promise.all(
        [message(100), message(200)].map(async (sent) => (await rowOf(world, sent)).record),
      );
      expect(ids).toHaveLength(2);
      expect(new Set(ids)).toEqual(new Set(wanted.map((record) => parseVerdictHeader(record)?.id)));
    });
  });
}
