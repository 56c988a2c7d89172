import { expect, test } from "bun:test";
import fc from "fast-check";
import type { Item } from "../../../src/client/tidegate.ts";
import { clientBench, range, seqsOf, type Bench } from "../../support/client/client-bench.ts";

const ROOM = "general";

type Step =
  | { readonly do: "publish"; readonly count: number }
  | { readonly do: "drop" | "repeat" | "swap"; readonly count: number }
  | { readonly do: "kill" }
  | { readonly do: "unstored"; readonly count: number }
  | { readonly do: "refuse"; readonly count: number }
  | { readonly do: "late"; readonly back: number }
  | { readonly do: "join"; readonly tail: number }
  | { readonly do: "wait"; readonly ms: number };

const step: fc.Arbitrary<Step> = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.record({
      do: fc.constant("publish" as const),
      count: fc.integer({ min: 1, max: 12 }),
    }),
  },
  {
    weight: 3,
    arbitrary: fc.record({
      do: fc.constantFrom("drop" as const, "repeat" as const, "swap" as const),
      count: fc.integer({ min: 1, max: 4 }),
    }),
  },
  { weight: 2, arbitrary: fc.record({ do: fc.constant("kill" as const) }) },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("refuse" as const),
      count: fc.integer({ min: 1, max: 3 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("unstored" as const),
      count: fc.integer({ min: 0, max: 5 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("late" as const),
      back: fc.integer({ min: 0, max: 9 }),
    }),
  },
  {
    weight: 1,
    arbitrary: fc.record({
      do: fc.constant("join" as const),
      tail: fc.integer({ min: 0, max: 20 }),
    }),
  },
  {
    weight: 5,
    arbitrary: fc.record({
      do: fc.constant("wait" as const),
      ms: fc.integer({ min: 0, max: 400 }),
    }),
  },
);

/** Faults for the next pushes; each ends by itself. */
class Faults {
  #drop = 0;
  #repeat = 0;
  #swap = 0;
  #held: string | undefined;

  add(kind: "drop" | "repeat" | "swap", count: number): void {
    if (kind === "drop") this.#drop += count;
    else if (kind === "repeat") this.#repeat += count;
    else this.#swap += count;
  }

  end(): void {
    this.#drop = this.#repeat = this.#swap = 0;
    this.#held = undefined;
  }

  readonly apply = (line: string): string[] => {
    if (this.#held !== undefined) {
      const held = this.#held;
      this.#held = undefined;
      return [line, held];
    }
    if (this.#drop > 0) {
      this.#drop--;
      return [];
    }
    if (this.#repeat > 0) {
      this.#repeat--;
      return [line, line];
    }
    if (this.#swap > 0) {
      this.#swap--;
      this.#held = line;
      return [];
    }
    return [line];
  };
}

interface Reader {
  readonly items: Item[];
  readonly from: number;
}

async function play(bench: Bench, steps: readonly Step[], readers: Reader[]): Promise<void> {
  const { server, clock, client } = bench;
  const faults = new Faults();
  server.pushFault = faults.apply;
  for (const now of steps) {
    if (now.do === "publish") for (let i = 0; i < now.count; i++) server.publish(ROOM, "x");
    else if (now.do === "kill") server.kill();
    else if (now.do === "wait") await clock.advance(now.ms);
    else if (now.do === "unstored")
      server.unstored = Math.min(now.count, server.conversation(ROOM).events.length - 1);
    else if (now.do === "refuse") {
      let left = now.count;
      server.intercept = (verb) =>
        (verb === "subscribe" || verb === "history") && left-- > 0
          ? { code: "overloaded" }
          : undefined;
    } else if (now.do === "late") {
      const { events } = server.conversation(ROOM);
      const seq = Math.max(1, events.length - now.back);
      const event = events[seq - 1];
      for (const socket of server.sockets)
        if (event) socket.say({ push: { conversation: ROOM, seq, event } });
    } else if (now.do === "join") {
      const items: Item[] = [];
      const head = server.conversation(ROOM).events.length;
      // Where it begins is the server's to say when nothing is known yet: -1.
      readers.push({ items, from: now.tail % 2 === 0 ? -1 : Math.max(1, head - now.tail + 1) });
      const { tail } = now;
      const cursor = `e1.${Math.max(0, head - tail)}`;
      const start = tail === 0 ? {} : tail % 2 === 0 ? { tail } : { cursor };
      client.subscribe(ROOM, { ...start, onItem: (item) => items.push(item) });
    } else faults.add(now.do, now.count);
  }
  faults.end();
  server.unstored = 0;
  server.intercept = () => undefined;
  server.publish(ROOM, "last");
  await clock.advance(60_000);
  server.publish(ROOM, "very last");
  await clock.advance(60_000);
}

test("a reader sees 1 … n without gap or duplicate, whatever happens to pushes and sockets", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 40 }),
      fc.integer({ min: 1, max: 1e6 }),
      async (steps, seed) => {
        const bench = clientBench({}, seed);
        const items: Item[] = [];
        bench.server.publish(ROOM, "first");
        bench.client.subscribe(ROOM, { cursor: "e1.0", onItem: (item) => items.push(item) });
        const readers: Reader[] = [];
        await play(bench, steps, readers);
        const head = bench.server.conversation(ROOM).events.length;
        expect(seqsOf(items)).toEqual(range(1, head));
        expect(items.filter((item) => item.type === "reset")).toEqual([]);
        for (const reader of readers) {
          const seqs = seqsOf(reader.items);
          const from = reader.from < 0 ? (seqs[0] ?? head) : reader.from;
          expect(seqs).toEqual(range(from, head));
        }
        bench.client.close();
      },
    ),
    { numRuns: 300 },
  );
});

test("a slow iterator sees 1 … n, never with more than its bound waiting", async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { maxLength: 25 }),
      fc.integer({ min: 2, max: 12 }),
      async (steps, bound) => {
        const bench = clientBench({ bufferEventsMax: bound });
        bench.server.publish(ROOM, "first");
        const subscription = bench.client.subscribe(ROOM, { cursor: "e1.0" });
        await play(bench, steps, []);
        const head = bench.server.conversation(ROOM).events.length;
        const seqs: number[] = [];
        const iterator = subscription.events()[Symbol.asyncIterator]();
        while (seqs.length < head) {
          const next = iterator.next();
          await bench.clock.advance(2_000);
          const { value } = (await next) as { value: Item };
          if (value.type === "event") seqs.push(value.seq);
        }
        expect(seqs).toEqual(range(1, head));
        bench.client.close();
      },
    ),
    { numRuns: 100 },
  );
});
