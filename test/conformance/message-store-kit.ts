import { AppError, type ErrorCode } from "../../src/errors.ts";
import type {
  HistoryRange,
  MessageStore,
  PlacedEvent,
  StoreBatch,
} from "../../src/ports/message-store.ts";

/** A store with nothing in it, and how to get rid of it. */
export interface StoreFixture {
  readonly store: MessageStore;
  dispose(): Promise<void>;
}

/** The store that the test at hand has, and what tests do with it most. */
export class StoreKit {
  #fixture: StoreFixture | undefined;

  get store(): MessageStore {
    if (!this.#fixture) throw new Error("no test is running");
    return this.#fixture.store;
  }

  async begin(fixture: Promise<StoreFixture>): Promise<void> {
    this.#fixture = await fixture;
  }

  async end(): Promise<void> {
    await this.#fixture?.dispose();
    this.#fixture = undefined;
  }

  /** Takes the partition and stores `count` events of one conversation. */
  async seed(count: number): Promise<PlacedEvent[]> {
    await this.store.acquire(TOPIC);
    const events = Array.from({ length: count }, (_, offset) => placed(offset));
    await this.store.commit(batchOf(events));
    return events;
  }

  /** The seqs of a page. */
  async seqs(change: Partial<HistoryRange>): Promise<number[]> {
    return (await this.store.history(range(change))).events.map(({ seq }) => seq);
  }
}

/** The partition that most tests use. */
export const TOPIC = { topic: "chat.messages.acme", partition: 0 };
const BATCH = { ...TOPIC, incarnation: "i1", ownerEpoch: 1 };

/** What a test wants different in an event. */
export type Change = Partial<PlacedEvent>;

/** An event as the gateway builds them; `offset` makes the rest different from the others'. */
export function placed(offset: number, change: Change = {}): PlacedEvent {
  const time = (1_795_254_378_000 + offset).toString(16).padStart(12, "0");
  const key = `${time.slice(0, 8)}-${time.slice(8)}-7000-8000-${offset.toString(16).padStart(12, "0")}`;
  const id = change.id ?? `${key}.scope-of-someone`;
  return {
    tenant: "acme",
    conversation: "general",
    epoch: "e1",
    seq: offset + 1,
    offset,
    id,
    fingerprint: `f${offset}`,
    event: `{"id":"${id}","type":"message.sent","content":{"text":"${offset}"}}`,
    ...change,
  };
}

/** A batch that begins at the first event's offset and ends after the last one's. */
export function batchOf(
  events: readonly PlacedEvent[],
  change: Partial<StoreBatch> = {},
): StoreBatch {
  const expectedOffset = change.expectedOffset ?? events[0]?.offset ?? 0;
  const last = events.at(-1);
  return {
    ...BATCH,
    expectedOffset,
    nextOffset: last ? last.offset + 1 : expectedOffset,
    lastId: last?.id ?? "",
    events,
    ...change,
  };
}

/** All of the usual conversation, but for the changes. */
export function range(change: Partial<HistoryRange> = {}): HistoryRange {
  return {
    tenant: "acme",
    conversation: "general",
    from: 1,
    to: Number.MAX_SAFE_INTEGER,
    eventsMax: 1_000,
    charsMax: 1_000_000,
    order: "up",
    ...change,
  };
}

/** The code of the error that the promise rejects with. */
export async function codeOf(promise: Promise<unknown>): Promise<ErrorCode | "resolved"> {
  try {
    await promise;
    return "resolved";
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}
