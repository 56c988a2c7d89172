import { expect, test } from "bun:test";
import type { Evidence, KnownTenant } from "../../../cli/explain/evidence.ts";
import { readerLines } from "../../../cli/explain/reader.ts";
import { tellStory } from "../../../cli/explain/story.ts";
import { storyLines, summarize } from "../../../cli/explain/text.ts";
import { createMemoryEventLog } from "../../../src/adapters/memory/event-log.ts";
import type { OutboxSighting } from "../../../src/adapters/postgres/outbox-search.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { encodeLetter } from "../../../src/dead-letters/letter.ts";
import { AppError } from "../../../src/errors.ts";
import type { IdEntry, PlacedEvent } from "../../../src/ports/message-store.ts";
import { chatTopic, deadLetterTopic } from "../../../src/topics.ts";
import {
  encodeMessageRecord,
  parseVerdictHeader,
  recordTemplate,
  sliceEvent,
  type LogRecord,
  type VerdictHeader,
} from "../../../src/wire/record.ts";
import { derivedContext, withTraceContext } from "../../../src/wire/trace-context.ts";
import { rejection } from "../../support/rejection.ts";

const DAY_MS = 86_400_000;
/** Of the key below. */
const KEY_TIME = Date.UTC(2026, 9, 1);
const KEY = `${KEY_TIME.toString(16)
  .padStart(12, "0")
  .replace(/^(.{8})/, "$1-")}-7abc-8def-0123456789ab`;
const ID = `${KEY}.abcdefghijklmnop`;
const TOPIC = chatTopic("acme", 2);

const acme: KnownTenant = {
  name: "acme",
  placement: { topic: TOPIC.name, shared: false, partitions: 2 },
  status: "active",
};

function record(content = "{}", attempt = 1, id = ID): LogRecord {
  const origin = { tenant: "acme", conversation: "general", sender: "ana", key: "general" };
  return encodeMessageRecord(recordTemplate({ ...origin, source: "gateway/near" }), {
    key: KEY,
    id,
    attempt,
    kind: "text",
    timestamp: KEY_TIME + 5,
    content,
    fingerprint: content,
  });
}

interface Setting {
  readonly records?: readonly LogRecord[];
  /** So many of them are stored. */
  readonly storedNext?: number;
  readonly expired?: boolean;
  readonly outbox?: readonly OutboxSighting[];
  readonly letters?: readonly LogRecord[];
  readonly tenants?: readonly KnownTenant[];
  /** To be looked at alone. */
  readonly tenant?: string;
  /** Kafka is away. */
  readonly isLogAway?: boolean;
}

async function storyOf(setting: Setting, recordsMax = 1_000) {
  const { records = [], storedNext = 0, expired = false, outbox = [], letters = [] } = setting;
  const log = createMemoryEventLog({ clock: createSystemClock(), random: createSystemRandom() });
  await log.createTopic(TOPIC);
  if (records.length > 0) await log.append(TOPIC.name, 1, records);
  if (letters.length > 0) {
    await log.createTopic(deadLetterTopic("delivery"));
    await log.append("delivery.dlq", 0, letters);
  }
  const offset = records
    .slice(0, storedNext)
    .findIndex((one) => parseVerdictHeader(one)?.id === ID);
  const first = records[offset];
  const header = first && (parseVerdictHeader(first) as VerdictHeader);
  const entry: IdEntry | undefined = header && { id: ID, offset, fingerprint: header.fingerprint };
  const placed: PlacedEvent[] =
    first === undefined || header === undefined || expired
      ? []
      : [
          {
            tenant: "acme",
            conversation: "general",
            epoch: "e1",
            seq: 7,
            offset,
            id: ID,
            fingerprint: header.fingerprint,
            event: sliceEvent(first, header),
          },
        ];
  const away = () => Promise.reject(new AppError("log_unavailable", "no broker answers"));
  const evidence: Evidence = {
    name: "cluster",
    log: setting.isLogAway === true ? { describeTopic: away, range: away, read: away } : log,
    store: {
      offsets: () => Promise.resolve([{ topic: TOPIC.name, partition: 1, nextOffset: storedNext }]),
      findIds: ({ partition }, [id]) =>
        Promise.resolve(
          new Map(partition === 1 && id === ID && entry !== undefined ? [[ID, entry]] : []),
        ),
      feed: () => Promise.resolve({ events: placed, nextOffset: storedNext }),
      heads: () => Promise.resolve(new Map([["general", { epoch: "e1", seq: 9, floor: 2 }]])),
    },
    tenants: () => Promise.resolve(setting.tenants ?? [acme]),
    outbox: () => Promise.resolve(outbox),
    keptMs: 30 * DAY_MS,
    [Symbol.asyncDispose]: () => log.close(),
  };
  await using held = evidence;
  const story = await tellStory(held, { id: ID, tenant: setting.tenant, recordsMax });
  const options = {
    now: KEY_TIME + DAY_MS,
    keptMs: 30 * DAY_MS,
    traceUrl: "http://traces.example/{trace}",
  };
  const lines = storyLines(story, options);
  return { story, options, state: summarize(story, options).state, lines, text: lines.join("\n") };
}

test("a placed message is told with its place, its record, how long it is kept and its trace", async () => {
  const trace = { traceId: "a".repeat(32), spanId: "b".repeat(16), sampled: true };
  const { state, text } = await storyOf({
    records: [record("{}", 1, "other"), withTraceContext(record(), trace)],
    storedNext: 2,
  });
  expect(state).toBe("placed");
  for (const part of [
    'acme / "general", seq 7 of epoch e1; the conversation has 2 to 9 now',
    "by ana, taken 2026-10-01T00:00:00.005Z by the gateway's clock, text",
    "chat.messages.acme/1 offset 1: placed; try 1, by gateway/near",
    "until about 2026-10-31T00:00:00.005Z (30 days",
    `${trace.traceId}; it was sampled`,
    `http://traces.example/${trace.traceId}`,
  ])
    expect(text).toContain(part);
});

test("without a carried context the trace is the one that the id leads to", async () => {
  const { story, text } = await storyOf({ records: [record()], storedNext: 1 });
  expect(story.trace.traceId).toBe(derivedContext(ID).traceId);
  expect(text).toContain("it was not sampled");
});

test("later records of the id are duplicates, refused, or not decided yet", async () => {
  const { story, state, text } = await storyOf({
    records: [record(), record("{}", 2), record('{"other":1}'), record("{}", 3)],
    storedNext: 3,
    letters: [
      encodeLetter({
        pool: "delivery",
        reason: "key_conflict",
        origin: `${TOPIC.name}/1/2`,
        attempts: 1,
        tenant: "acme",
        keptAt: KEY_TIME + 50,
        record: record('{"other":1}'),
      }),
    ],
  });
  expect(state).toBe("placed");
  expect(story.sightings.map(({ verdict }) => verdict)).toEqual([
    "placed",
    "duplicate",
    "refused",
    "waiting",
  ]);
  expect(text).toContain("offset 1: duplicate of offset 0; try 2");
  expect(text).toContain("delivery: key_conflict; record chat.messages.acme/1/2");
});

test("a message in the log that is not stored yet waits for delivery", async () => {
  const { state, text } = await storyOf({
    records: [record("{}", 1, "other"), record()],
    storedNext: 1,
  });
  expect(state).toBe("waiting");
  expect(text).toContain("chat.messages.acme/1 offset 1: waits for delivery");
});

test.each([
  ["row", "waits; row chat.messages.acme/1/5"],
  ["message", "waits; message chat.messages.acme/1/5"],
] as const)("a %s in the outbox waits for the log", async (kind, said) => {
  const { state, text } = await storyOf({
    outbox: [
      {
        kind,
        origin: "chat.messages.acme/1/5",
        at: KEY_TIME,
        reason: undefined,
        record: undefined,
      },
    ],
  });
  expect(state).toBe("outbox");
  expect(text).toContain(said);
});

test("what the outbox gave up is told with its reason", async () => {
  const { state, text } = await storyOf({
    outbox: [
      {
        kind: "parked",
        origin: "message/5",
        at: KEY_TIME,
        reason: "forbidden: there is no tenant",
        record: undefined,
      },
    ],
  });
  expect(state).toBe("parked");
  expect(text).toContain("given up: forbidden: there is no tenant");
});

test("a message of which only the dead letter is left was refused", async () => {
  const letter = {
    pool: "delivery",
    reason: "key_conflict",
    origin: `${TOPIC.name}/1/2`,
    attempts: 1,
    tenant: "acme",
    keptAt: undefined,
  };
  const { state } = await storyOf({
    letters: [
      encodeLetter({ ...letter, record: record("{}", 1, "other") }),
      encodeLetter({ ...letter, record: record() }),
    ],
  });
  expect(state).toBe("refused");
});

test("a message whose text has been removed has expired", async () => {
  const { state, text } = await storyOf({ records: [record()], storedNext: 1, expired: true });
  expect(state).toBe("expired");
  expect(text).toContain("chat.messages.acme/1 offset 0; its text is over");
});

test("an id that nobody knows is unknown, or has expired when its key is older than what is kept", async () => {
  const { story, state, options } = await storyOf({ records: [record("{}", 1, "other")] });
  expect(state).toBe("unknown");
  expect(summarize(story, { ...options, now: KEY_TIME + 31 * DAY_MS })).toMatchObject({
    state: "expired",
    sentence: expect.stringContaining("Whether it ever came cannot be said") as string,
  });
});

test("a log that is longer than may be looked through is said to be", async () => {
  const others = Array.from({ length: 2_500 }, (_, i) => record("{}", 1, `other-${i}`));
  const { story, text } = await storyOf({ records: [...others, record()] }, 1_000);
  expect(story.unread).toEqual([{ topic: TOPIC.name, partition: 1 }]);
  expect(text).toContain("chat.messages.acme/1 was not looked through to its end");
});

test("a user's right is what the token says, and what is not kept is said not to be known", async () => {
  const { story } = await storyOf({ records: [record()], storedNext: 1 });
  const ask = (changes: object, allowed: readonly ("subscribe" | "send")[] = ["subscribe"]) =>
    readerLines(story, {
      user: "bob",
      identity: {
        tenant: "acme",
        user: "bob",
        capabilities: { "gen*": allowed },
        expiresAt: undefined,
        ...changes,
      },
      refused: undefined,
    }).join("\n");
  expect(ask({})).toContain("may read,yes: the token allows subscribe");
  expect(ask({}, ["send"])).toContain("no: the token allows neither subscribe nor history");
  expect(ask({ tenant: "rival" })).toContain("no: the token is of tenant rival");
  expect(ask({ user: "eve" })).toContain("not known: the token is eve's");
  const without = { identity: undefined, refused: undefined };
  const nothing = readerLines(story, { user: "ana", ...without }).join("\n");
  for (const part of ["has sent it", "rights stand in tokens", "has read,not known"])
    expect(nothing).toContain(part);
  const expired = readerLines(story, { ...without, user: "bob", refused: "it has expired" });
  expect(expired.join("\n")).toContain("no, with this token: it has expired");
});

test("nobody of a suspended tenant may read", async () => {
  const tenants = [{ ...acme, status: "suspended" as const }];
  const { story, text } = await storyOf({ records: [record()], storedNext: 1, tenants });
  expect(text).toContain("acme is suspended: nobody of it may connect");
  const lines = readerLines(story, { user: "bob", identity: undefined, refused: undefined });
  expect(lines.join("\n")).toContain("may read,no: acme is suspended");
});

test("of a tenant that alone is looked at nothing of another one's is told", async () => {
  const { placement, status } = acme;
  const other: KnownTenant = {
    name: "other",
    placement: { ...placement, topic: "chat.messages.other" },
    status,
  };
  const letter = encodeLetter({
    pool: "delivery",
    reason: "key_conflict",
    origin: `${TOPIC.name}/1/1`,
    attempts: 1,
    tenant: "acme",
    keptAt: KEY_TIME,
    record: record('{"another":1}'),
  });
  const setting = { records: [record()], storedNext: 1, letters: [letter] };
  const tenants = [acme, other];
  const { state, text } = await storyOf({ ...setting, tenants, tenant: "other" });
  expect(state).toBe("unknown");
  expect(text).toContain("Tenant other does not know it");
  expect(text).not.toContain("key_conflict");
  expect((await storyOf({ ...setting, tenants, tenant: "acme" })).state).toBe("placed");
});

test("a tenant that is not there is told instead of a story", async () => {
  expect(await rejection(storyOf({ tenant: "nobody" }))).toMatchObject({
    code: "not_found",
    message: 'there is no tenant "nobody" here; without --tenant all are looked at',
  });
});

test("while the log is away the rest is told, and nothing that only the log could say", async () => {
  const isLogAway = true;
  const row: OutboxSighting = {
    kind: "row",
    origin: `${TOPIC.name}/1/5`,
    at: KEY_TIME,
    reason: undefined,
    record: record(),
  };
  const outbox = await storyOf({ isLogAway, outbox: [row] });
  expect(outbox.state).toBe("outbox");
  expect(outbox.text).toContain("log,cannot be read: no broker answers");
  const placed = await storyOf({ isLogAway, records: [record()], storedNext: 1 });
  expect(placed.state).toBe("placed");
  expect(placed.text).toContain("seq 7 of epoch e1");
  expect(placed.text).not.toContain("has let go");
  const unknown = await storyOf({ isLogAway });
  expect(unknown.state).toBe("unknown");
  expect(unknown.text).toContain("ask again when the log can be read");
  expect(unknown.text).not.toContain("Nobody knows it");
});
