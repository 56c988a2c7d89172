import { expect } from "bun:test";
import type { EventItem } from "../../../src/client/tidegate.ts";
import { range } from "../client/client-bench.ts";
import { trust } from "../gateway/trust.ts";
import { until } from "../gateway/until.ts";
import type { TestCluster } from "./test-cluster.ts";

/** A session of the consumer group, and what a busy machine adds. */
const PHASE_MS = 45_000;
const WRITERS = 4;
const READERS = 4;
/** What each writer and reader gets in a phase. */
const EACH = 10;
const ROOM = "general";

interface Sent {
  readonly writer: number;
  readonly n: number;
  readonly durability: string;
}

/** Writers that wait for each receipt and readers of one room, whatever becomes of the cluster. */
export class Talk {
  readonly #url: string;
  readonly #tenant: string;
  readonly #readers: readonly EventItem[][];
  readonly #sent: Sent[] = [];
  readonly #writing: Promise<unknown>;
  #isOver = false;

  /** @param url of gateways that may come and go */
  constructor(cluster: TestCluster, url: string, tenant: string) {
    this.#url = url;
    this.#tenant = tenant;
    this.#readers = range(1, READERS).map((i) => {
      const taken: EventItem[] = [];
      const feed = cluster.client(url, tenant, `reader-${i}`).subscribe(ROOM, { tail: 1_000 });
      void (async () => {
        for await (const item of feed.events()) taken.push(item);
      })();
      return taken;
    });
    // Each waits for its receipt: then its next one stands behind it, wherever it goes.
    const writing = range(1, WRITERS).map(async (writer) => {
      const client = cluster.client(url, tenant, `writer-${writer}`);
      for (let n = 1; !this.#isOver; n++) {
        const { durability } = await client.send(ROOM, { writer, n }).receipt;
        this.#sent.push({ writer, n, durability });
        await Bun.sleep(20);
      }
    });
    this.#writing = Promise.all(writing);
  }

  /** Each writer gets some more receipts, and each reader some more events. */
  async goesOn(what: string): Promise<void> {
    const acked = this.#sent.length + WRITERS * EACH;
    const read = this.#readers.map((taken) => taken.length + WRITERS * EACH);
    await until(`${what}: it is acked`, () => this.#sent.length >= acked, PHASE_MS);
    const isRead = () => this.#readers.every((taken, i) => taken.length >= (read[i] as number));
    await until(`${what}: it is delivered`, isRead, PHASE_MS);
  }

  /** The outbox takes some more of what is sent. */
  async isKept(): Promise<void> {
    const kept = () => this.#sent.filter(({ durability }) => durability === "outbox").length;
    const enough = kept() + WRITERS * EACH;
    await until("the outbox has some", () => kept() >= enough, PHASE_MS);
  }

  async isInLog(): Promise<void> {
    const isLast = () => this.#sent.at(-1)?.durability === "log";
    await until("the log takes them again", isLast, PHASE_MS);
  }

  /** What a gateway answers to a page of the room's history. */
  async history(): Promise<unknown> {
    const token = await trust.token({ tenant: this.#tenant, user: "historian" });
    const headers = { authorization: `Bearer ${token}` };
    const url = `${this.#url}/v1/conversations/${ROOM}/messages`;
    return (await fetch(url, { headers })).json();
  }

  /** Ends it: every receipt was true, and every reader has all of it, once, in the same order. */
  async end(): Promise<void> {
    this.#isOver = true;
    await this.#writing;
    const sent = this.#sent;
    const isRead = () => this.#readers.every(({ length }) => length >= sent.length);
    await until("all is read", isRead, PHASE_MS);
    const [first = []] = this.#readers;
    expect(first.map(({ seq }) => seq)).toEqual(range(1, sent.length));
    const contents = first.map(({ event }) => event.content as { writer: number; n: number });
    for (const writer of range(1, WRITERS)) {
      const mine = sent.filter((one) => one.writer === writer);
      expect(contents.filter((one) => one.writer === writer).map(({ n }) => n)).toEqual(
        range(1, mine.length),
      );
    }
    const isStored = async () => ((await this.history()) as { head?: number }).head === sent.length;
    await until("all is stored", isStored, PHASE_MS);
    for (const taken of this.#readers)
      expect(taken.map(({ seq, event }) => [seq, event.id])).toEqual(
        first.map(({ seq, event }) => [seq, event.id]),
      );
  }
}
