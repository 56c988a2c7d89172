import type { EventLog } from "../ports/event-log.ts";
import type { Outbox } from "../ports/outbox.ts";
import { deadLetterTopic } from "../topics.ts";
import type { LogRecord } from "../wire/record.ts";
import { decodeLetter, type DeadLetter } from "./letter.ts";

export interface FoundLetter {
  readonly id: string;
  /** Names the letter for good: its id may mean another one in a topic that was made anew. */
  readonly mark: string;
  readonly letter: DeadLetter;
  /** Where to go on behind this one. */
  readonly after: number;
}

/** A part of one pool's letters. */
export interface SourcePage {
  /** Newest first. */
  readonly found: readonly FoundLetter[];
  /** Where the next page begins; undefined at the end. */
  readonly next: number | undefined;
}

/** Where one pool's letters are. */
export interface LetterSource {
  readonly pool: string;
  /** Up to `max` letters from `from` on, towards the older ones; undefined: from the newest. */
  page(from: number | undefined, max: number): Promise<SourcePage>;
  find(name: string): Promise<FoundLetter | undefined>;
  /** Where a page that begins with this one begins. */
  before(found: FoundLetter): number;
}

const NOTHING: SourcePage = { found: [], next: undefined };
const OFFSET = /^(?:0|[1-9][0-9]{0,14})$/;

/** The letters in a pool's dead-letter topic. Places are offsets: everything below is older. */
export function topicSource(log: EventLog, pool: string): LetterSource {
  const { name } = deadLetterTopic(pool);

  const foundAt = (incarnation: string, offset: number, record: LogRecord): FoundLetter => ({
    id: `${pool}:${offset}`,
    mark: `${name}/${incarnation}/${offset}`,
    letter: decodeLetter(pool, record),
    after: offset,
  });

  return {
    pool,
    async page(from, max) {
      const topic = await log.describeTopic(name);
      if (topic === undefined) return NOTHING;
      const { start, end } = await log.range(name, 0);
      const until = Math.min(from ?? end, end);
      const begin = Math.max(start, until - max);
      const found: FoundLetter[] = [];
      for (let at = begin; at < until;) {
        const { records, offsets, nextOffset } = await log.read(name, 0, at, until - at);
        for (const [i, record] of records.entries()) {
          const offset = offsets[i] as number;
          if (offset < until) found.push(foundAt(topic.incarnation, offset, record));
        }
        if (nextOffset <= at) break;
        at = nextOffset;
      }
      return { found: found.reverse(), next: begin > start ? begin : undefined };
    },
    async find(text) {
      if (!OFFSET.test(text)) return undefined;
      const offset = Number(text);
      const topic = await log.describeTopic(name);
      if (topic === undefined) return undefined;
      const { start, end } = await log.range(name, 0);
      if (offset < start || offset >= end) return undefined;
      const { records, offsets } = await log.read(name, 0, offset, 1);
      const [record] = records;
      if (record === undefined || offsets[0] !== offset) return undefined;
      return foundAt(topic.incarnation, offset, record);
    },
    before: ({ after }) => after + 1,
  };
}

/** Its name as a pool: what the outbox has parked. */
const OUTBOX_POOL = "outbox";

/** What the outbox has parked; places are counts of newer ones. @param rowsMax older ones are not seen */
export function parkedSource(outbox: Pick<Outbox, "parked">, rowsMax: number): LetterSource {
  const all = async (): Promise<readonly FoundLetter[]> =>
    (await outbox.parked(rowsMax)).map(({ origin, reason, record, parkedAt }, i) => {
      const letter: DeadLetter = {
        pool: OUTBOX_POOL,
        reason,
        origin,
        attempts: 1,
        tenant: tenantOf(record),
        keptAt: parkedAt,
        record,
      };
      return { id: `${OUTBOX_POOL}:${origin}`, mark: `parked/${origin}`, letter, after: i + 1 };
    });
  return {
    pool: OUTBOX_POOL,
    async page(from = 0, max) {
      const rows = await all();
      const next = from + max;
      return { found: rows.slice(from, next), next: next < rows.length ? next : undefined };
    },
    find: async (name) => (await all()).find(({ letter }) => letter.origin === name),
    before: ({ after }) => after - 1,
  };
}

/** The tenant that a parked row says; it is shown, and nothing rests on it. */
function tenantOf({ value }: LogRecord): string {
  return /"tenant(?:_id)?":"([a-z0-9-]{1,40})"/.exec(value)?.[1] ?? "";
}
