import type { OutboxSighting } from "../../src/adapters/postgres/outbox-search.ts";
import { decodeLetter, type DeadLetter } from "../../src/dead-letters/letter.ts";
import { AppError, asAppError } from "../../src/errors.ts";
import type { HeadRange, IdEntry, PartitionId } from "../../src/ports/message-store.ts";
import { DEAD_LETTER_POOLS, deadLetterTopic } from "../../src/topics.ts";
import { eventIdOf } from "../../src/wire/event.ts";
import { parseVerdictHeader } from "../../src/wire/record.ts";
import { derivedContext, traceContextOf, type TraceContext } from "../../src/wire/trace-context.ts";
import type { Evidence, KnownTenant } from "./evidence.ts";
import { scanLog, type LogScan, type LogSighting } from "./log-scan.ts";

/** `waiting`: no worker has stored so far. */
export type Verdict = "placed" | "duplicate" | "refused" | "waiting";

export interface JudgedSighting extends LogSighting {
  readonly verdict: Verdict;
}

/** What the store has of a message. */
export interface StoredMessage extends PartitionId {
  readonly tenant: string;
  readonly conversation: string;
  readonly epoch: string;
  readonly seq: number;
  readonly offset: number;
  /** The event's JSON text. */
  readonly event: string;
  readonly head: HeadRange | undefined;
}

/** All that is known of one message. */
export interface Story {
  readonly id: string;
  /** The tenant that alone was looked at; undefined: all were. */
  readonly within: string | undefined;
  readonly stored: StoredMessage | undefined;
  /** Its id is known there, and its text is over. */
  readonly removedFrom: (PartitionId & { readonly offset: number }) | undefined;
  /** In the log's order; not those that it has let go of. */
  readonly sightings: readonly JudgedSighting[];
  /** Why the log could not be read, and dead letters with it; undefined: it was. */
  readonly logFault: string | undefined;
  /** Partitions whose log was not looked through to its end. */
  readonly unread: readonly PartitionId[];
  readonly outbox: readonly OutboxSighting[];
  readonly deadLetters: readonly DeadLetter[];
  readonly tenant: KnownTenant | undefined;
  readonly trace: TraceContext;
  /** Whether a record of it carries its trace, which is then complete. */
  readonly traceIsCarried: boolean;
}

export interface Question {
  readonly id: string;
  /** Where to look; undefined: everywhere. */
  readonly tenant: string | undefined;
  /** Records of one partition, and of dead letters, that are looked through. */
  readonly recordsMax: number;
}

const NOT_SEEN: LogScan = { found: [], gaveUpAt: undefined };

/** Partitions that are asked at once. */
const AT_ONCE = 16;

/**
 * Gathers what log, store, outbox and dead letters say of a message. While the log is away the others
 * are asked all the same: that is when messages wait in the outbox.
 * @throws not_found when there is no such tenant, and what the evidence throws
 */
export async function tellStory(evidence: Evidence, question: Question): Promise<Story> {
  const { id, recordsMax, tenant: within } = question;
  const { log, store } = evidence;
  const all = await evidence.tenants();
  const tenants = all.filter(({ name }) => within === undefined || name === within);
  if (within !== undefined && tenants.length === 0)
    throw new AppError(
      "not_found",
      `there is no tenant ${JSON.stringify(within)} here; without --tenant all are looked at`,
    );
  let logFault: string | undefined;
  /** What the log says, or `instead` when it cannot be read. */
  const ofLog = async <T>(instead: T, read: () => Promise<T>): Promise<T> => {
    if (logFault !== undefined) return instead;
    try {
      return await read();
    } catch (error) {
      const { code, message } = asAppError(error);
      if (code !== "log_unavailable") throw error;
      logFault = message;
      return instead;
    }
  };
  const partitions = await partitionsOf(tenants, (topic, placed) =>
    ofLog(placed, async () => (await log.describeTopic(topic))?.partitions ?? 0),
  );
  const next = new Map(
    (await store.offsets()).map(({ topic, partition, nextOffset }) => [
      nameOf({ topic, partition }),
      nextOffset,
    ]),
  );
  const entries = await inParts(partitions, async (partition) => {
    if (!next.has(nameOf(partition))) return [];
    const entry = (await store.findIds(partition, [id])).get(id);
    return entry === undefined ? [] : [{ ...partition, ...entry }];
  });
  const [entry] = entries;
  const stored = entry && (await readStored(evidence, entry));
  // The records behind the placed one, or else all that is not stored yet.
  const places = entry === undefined ? partitions : [entry];
  const unread: PartitionId[] = [];
  const sightings = await inParts(places, async (place) => {
    const storedNext = next.get(nameOf(place)) ?? 0;
    const from = entry?.offset ?? storedNext;
    const scan = await ofLog(NOT_SEEN, () => scanLog(log, place, id, from, recordsMax));
    if (scan.gaveUpAt !== undefined) unread.push(place);
    return scan.found.map((one) => ({ ...one, verdict: judge(one, entry, storedNext) }));
  });
  const outbox = await evidence.outbox(id);
  const letters = await ofLog([], () => findLetters(evidence, id, recordsMax));
  // Without where it was placed, another tenant's refusal would be all that there is to say.
  const deadLetters = letters.filter(
    ({ tenant }) => within === undefined || tenant === within || tenant === "",
  );
  const records = [
    ...sightings.map(({ record }) => record),
    ...outbox.flatMap(({ record }) => record ?? []),
    ...deadLetters.map(({ record }) => record),
  ];
  const carried = records.map(traceContextOf).find((context) => context !== undefined);
  const topic = entry?.topic ?? sightings[0]?.topic;
  return {
    id,
    within,
    stored,
    removedFrom: stored === undefined ? entry : undefined,
    sightings,
    logFault,
    unread,
    outbox,
    deadLetters,
    tenant:
      tenants.find(({ name }) => name === stored?.tenant) ??
      tenants.find(({ placement }) => !placement.shared && placement.topic === topic),
    trace: carried ?? derivedContext(id),
    traceIsCarried: carried?.sampled === true,
  };
}

/**
 * Those of the tenants that are there, each once.
 * @param countOf a topic's partitions, of which its placement has so many
 */
async function partitionsOf(
  tenants: readonly KnownTenant[],
  countOf: (topic: string, placed: number) => Promise<number>,
): Promise<readonly PartitionId[]> {
  const topics = new Map(tenants.map(({ placement }) => [placement.topic, placement.partitions]));
  return inParts([...topics], async ([topic, placed]) =>
    Array.from({ length: await countOf(topic, placed) }, (_, partition) => ({ topic, partition })),
  );
}

/** Undefined when the text is over, and only the id is kept. */
async function readStored(
  { store }: Evidence,
  { topic, partition, offset }: PartitionId & IdEntry,
): Promise<StoredMessage | undefined> {
  const { events } = await store.feed({ topic, partition }, offset, 1);
  const [placed] = events;
  if (placed?.offset !== offset) return undefined;
  const { tenant, conversation, epoch, seq, event } = placed;
  const heads = await store.heads(tenant, [conversation]);
  const head = heads.get(conversation);
  return { topic, partition, offset, tenant, conversation, epoch, seq, event, head };
}

function judge(sighting: LogSighting, entry: IdEntry | undefined, storedNext: number): Verdict {
  if (sighting.offset >= storedNext) return "waiting";
  if (sighting.offset === entry?.offset) return "placed";
  return sighting.fingerprint === entry?.fingerprint ? "duplicate" : "refused";
}

async function findLetters(
  { log }: Evidence,
  id: string,
  recordsMax: number,
): Promise<readonly DeadLetter[]> {
  const found: DeadLetter[] = [];
  for (const pool of DEAD_LETTER_POOLS) {
    const { name } = deadLetterTopic(pool);
    if ((await log.describeTopic(name)) === undefined) continue;
    const { start, end } = await log.range(name, 0);
    for (let at = Math.max(start, end - recordsMax); at < end;) {
      const { records, nextOffset } = await log.read(name, 0, at, 1_000);
      for (const record of records) {
        const letter = decodeLetter(pool, record);
        const said = parseVerdictHeader(letter.record)?.id ?? eventIdOf(letter.record.value);
        if (said === id) found.push(letter);
      }
      if (nextOffset <= at) break;
      at = nextOffset;
    }
  }
  return found;
}

/** In order, some at once: a cluster may have tens of thousands of partitions. */
async function inParts<T, R>(
  items: readonly T[],
  ask: (item: T) => Promise<readonly R[]>,
): Promise<readonly R[]> {
  const results: R[] = [];
  for (let at = 0; at < items.length; at += AT_ONCE) {
    const part = await Promise.all(items.slice(at, at + AT_ONCE).map(ask));
    for (const one of part) results.push(...one);
  }
  return results;
}

function nameOf({ topic, partition }: PartitionId): string {
  return `${topic}/${partition}`;
}
