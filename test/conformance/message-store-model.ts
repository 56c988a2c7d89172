import { expect, test } from "bun:test";
import fc from "fast-check";
import { MemoryMessageStore } from "../../src/adapters/memory/message-store.ts";
import { AppError } from "../../src/errors.ts";
import type { MessageStore, PlacedEvent, StoreBatch } from "../../src/ports/message-store.ts";
import type { StoreFixture } from "./message-store-kit.ts";

const TOPIC = "chat.messages.acme";
const TENANTS = ["acme", "umbrella"];
const CONVERSATIONS = ["general", "General", "😀", "__proto__"];
const RUNS = 60;

/** One event before it has its place: everything but offset and, mostly, seq. */
interface Draft {
  readonly tenant: number;
  readonly conversation: number;
  readonly skippedOffsets: number;
  readonly id: number;
  readonly text: string;
  readonly twist: "none" | "epoch" | "seq";
}

type Step =
  | { readonly kind: "acquire"; readonly partition: number }
  | {
      readonly kind: "commit";
      readonly partition: number;
      readonly drafts: readonly Draft[];
      readonly twist: "none" | "stale owner" | "offset" | "incarnation";
    };

const draft: fc.Arbitrary<Draft> = fc.record({
  tenant: fc.nat(TENANTS.length - 1),
  conversation: fc.nat(CONVERSATIONS.length - 1),
  skippedOffsets: fc.nat(2),
  id: fc.nat(200),
  text: fc.string({ unit: "grapheme", maxLength: 20 }),
  twist: fc.oneof(
    { weight: 60, arbitrary: fc.constant("none" as const) },
    { weight: 2, arbitrary: fc.constant("epoch" as const) },
    { weight: 1, arbitrary: fc.constant("seq" as const) },
  ),
});

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 1,
    arbitrary: fc.record({ kind: fc.constant("acquire" as const), partition: fc.nat(1) }),
  },
  {
    weight: 8,
    arbitrary: fc.record({
      kind: fc.constant("commit" as const),
      partition: fc.nat(1),
      drafts: fc.array(draft, { maxLength: 25 }),
      twist: fc.oneof(
        { weight: 12, arbitrary: fc.constant("none" as const) },
        { weight: 1, arbitrary: fc.constantFrom("stale owner", "offset", "incarnation") },
      ),
    }),
  },
);

/** Makes batches as a worker would, out of what the reference says is stored. */
class Batches {
  readonly #model: MemoryMessageStore;
  readonly owners = [0, 0];
  #epochs = 0;

  constructor(model: MemoryMessageStore) {
    this.#model = model;
  }

  async make({ partition, drafts, twist }: Step & { kind: "commit" }): Promise<StoreBatch> {
    const stored = (await this.#model.offsets()).find((each) => each.partition === partition);
    const expectedOffset = (stored?.nextOffset ?? 0) + (twist === "offset" ? 1 : 0);
    const ends = new Map<string, { epoch: string; seq: number }>();
    const events: PlacedEvent[] = [];
    let offset = expectedOffset;
    for (const each of drafts) {
      offset += each.skippedOffsets;
      const tenant = TENANTS[each.tenant] as string;
      // A conversation belongs to one partition.
      const conversation = `${CONVERSATIONS[each.conversation]} ${partition}`;
      const name = `${each.tenant} ${conversation}`;
      const end = ends.get(name) ??
        (await this.#model.heads(tenant, [conversation])).get(conversation) ?? {
          epoch: `e${++this.#epochs}`,
          seq: 0,
        };
      const next = {
        epoch: each.twist === "epoch" ? `e${++this.#epochs}` : end.epoch,
        seq: end.seq + (each.twist === "seq" ? 2 : 1),
      };
      ends.set(name, next);
      const id = eventId(each.id);
      const event = `{"id":"${id}","content":${JSON.stringify(each.text)}}`;
      const fingerprint = `f${offset}`;
      events.push({ tenant, conversation, ...next, offset, id, fingerprint, event });
      offset++;
    }
    return {
      topic: TOPIC,
      partition,
      incarnation: twist === "incarnation" ? "another" : "i1",
      ownerEpoch: (this.owners[partition] as number) - (twist === "stale owner" ? 1 : 0),
      expectedOffset,
      nextOffset: offset,
      lastId: events.at(-1)?.id ?? "",
      events,
    };
  }
}

function eventId(number: number): string {
  const last = number.toString(16).padStart(12, "0");
  return number % 5 === 0 ? `key-${last}.s` : `01928374-${(number % 3) + 1000}-7000-8000-${last}.s`;
}

async function outcome(promise: Promise<unknown>): Promise<unknown> {
  try {
    return await promise;
  } catch (error) {
    if (error instanceof AppError) return error.code;
    throw error;
  }
}

/** Everything that can be asked, in one value. */
async function readAll(store: MessageStore): Promise<unknown> {
  const ids = Array.from({ length: 201 }, (_, i) => eventId(i));
  const partitions = [0, 1].map((partition) => ({ topic: TOPIC, partition }));
  const names = partitions.flatMap(({ partition }) =>
    CONVERSATIONS.map((conversation) => `${conversation} ${partition}`),
  );
  const byName = <Value>(map: ReadonlyMap<string, Value>): [string, Value][] =>
    [...map].toSorted(([a], [b]) => (a < b ? -1 : 1));
  return {
    offsets: (await store.offsets()).toSorted((a, b) => a.partition - b.partition),
    partitions: await Promise.all(
      partitions.map(async (partition) => ({
        window: await store.window(partition, 5),
        found: byName(await store.findIds(partition, ids)),
        // Where to read on may be anywhere up to the next event.
        feed: (await store.feed(partition, 3, 17)).events,
        all: await store.feed(partition, 0, 10_000),
      })),
    ),
    tenants: await Promise.all(
      TENANTS.map(async (tenant) => ({
        heads: byName(await store.heads(tenant, names)),
        pages: await Promise.all(
          names.flatMap((conversation) =>
            (["up", "down"] as const).map((order) =>
              store.history({
                tenant,
                conversation,
                from: 2,
                to: 40,
                eventsMax: 11,
                charsMax: 600,
                order,
              }),
            ),
          ),
        ),
      })),
    ),
  };
}

/** Random batches have the same outcomes and leave the same answers as in the reference. */
export function messageStoreModel(create: () => Promise<StoreFixture>): void {
  test("random batches do to the store what they do to the reference", async () => {
    await fc.assert(
      fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 15 }), async (steps) => {
        const fixture = await create();
        const { store } = fixture;
        const model = new MemoryMessageStore();
        const batches = new Batches(model);
        try {
          for (const each of steps) {
            if (each.kind === "acquire") {
              const id = { topic: TOPIC, partition: each.partition };
              const state = await model.acquire(id);
              batches.owners[each.partition] = state.ownerEpoch;
              expect(await store.acquire(id)).toEqual(state);
            } else {
              const batch = await batches.make(each);
              expect(await outcome(store.commit(batch))).toEqual(
                await outcome(model.commit(batch)),
              );
            }
          }
          expect(await readAll(store)).toEqual(await readAll(model));
        } finally {
          await fixture.dispose();
        }
      }),
      { numRuns: RUNS, endOnFailure: true },
    );
  }, 60_000);
}
