import { expect } from "bun:test";
import { createClient } from "../../../src/client/tidegate.ts";
import type { HistoryReply } from "../../../src/wire/frame.ts";
import { sendReplySchema } from "../../../src/wire/http.ts";
import { freshKey, run, say, sayMany } from "../../support/gateway/sending.ts";
import { trust } from "../../support/gateway/trust.ts";
import { join, portOf, request, type Place } from "./place.ts";

export interface Scene {
  readonly title: string;
  play(place: Place): Promise<void>;
}

const MANY = 1_000;

/** A conversation that no other run has, with characters that break careless code. */
const fresh = (name: string): string => `${name} ${freshKey()} – 東京 🌊`;
const textsOf = (events: readonly { event: { content: unknown } }[]): unknown[] =>
  events.map(({ event }) => (event.content as { text: string }).text);

/** What users do, on any way of running it. */
export const SCENES: readonly Scene[] = [
  {
    title: "two people on different gateways chat in one order",
    async play(place) {
      const room = fresh("chat");
      await using ana = await join(place, 0, { user: "ana" });
      await using bob = await join(place, 1, { user: "bob" });
      for (const who of [ana, bob]) await who.ask("subscribe", { conversation: room });
      const receipt = await say(ana, room, "hello");
      expect(receipt.durability).toBe(place.durability);
      expect(receipt.at?.offset).toMatch(/^[0-9]+$/);
      await bob.until("bob reads ana", () => bob.events(room).length === 1);
      await say(bob, room, "hello to you");
      for (const who of [ana, bob]) {
        await who.until("both are there", () => who.events(room).length === 2);
        expect(textsOf(who.events(room))).toEqual(["hello", "hello to you"]);
        expect(who.seqs(room)).toEqual([1, 2]);
      }
    },
  },
  {
    title: "many writers on all gateways make one order without holes, the same for every reader",
    async play(place) {
      const room = fresh("crowd");
      const writers = await Promise.all(
        Array.from({ length: 6 }, (_, i) => join(place, i, { user: `writer-${i}` })),
      );
      await using one = await join(place, 0, { user: "one" });
      await using other = await join(place, 1, { user: "other" });
      await one.ask("subscribe", { conversation: room });
      await other.ask("subscribe", { conversation: room });
      const each = MANY / 10;
      await Promise.all(
        writers.map((writer, w) => sayMany(writer, room, each, (i) => `${w} ${i}`)),
      );
      const count = each * writers.length;
      for (const reader of [one, other]) {
        await reader.until("all are there", () => reader.events(room).length === count);
        expect(reader.seqs(room)).toEqual(run(count));
      }
      expect(textsOf(one.events(room))).toEqual(textsOf(other.events(room)));
      // What one writer sent stands in its own order.
      const texts = textsOf(one.events(room)).map(String);
      for (let w = 0; w < writers.length; w++) {
        const own = texts.filter((text) => text.startsWith(`${w} `));
        expect(own).toEqual(run(each).map((i) => `${w} ${i - 1}`));
      }
      await Promise.all(writers.map((writer) => writer[Symbol.asyncDispose]()));
    },
  },
  {
    title: "a reader that was away resumes on another gateway under live traffic, without a seam",
    async play(place) {
      const room = fresh("resume");
      await using writer = await join(place, 0, { user: "bob" });
      await say(writer, room, "0");
      const token = (user: string) => () => trust.token({ user, tenant: place.tenants[0] });
      const seen: number[] = [];
      let cursor = "";
      const url = (gateway: number) => `ws://127.0.0.1:${portOf(place, gateway)}/v1/socket`;
      const first = createClient({ url: url(0), token: token("ana") });
      for await (const item of first.subscribe(room, { tail: 10 })) {
        if (item.type !== "event") continue;
        seen.push(item.seq);
        cursor = item.cursor;
        break;
      }
      first.close();
      await sayMany(writer, room, MANY, (i) => `while away ${i}`);
      const live = sayMany(writer, room, MANY / 2, (i) => `live ${i}`);
      const second = createClient({ url: url(1), token: token("ana") });
      const total = 1 + MANY + MANY / 2;
      for await (const item of second.subscribe(room, { cursor })) {
        expect(item.type).not.toBe("reset");
        if (item.type === "event") seen.push(item.seq);
        if (seen.length === total) break;
      }
      second.close();
      await live;
      expect<readonly number[]>(seen).toEqual(run(total));
    },
  },
  {
    title: "a message that is sent again has its id and is placed once, whichever gateway takes it",
    async play(place) {
      const room = fresh("retry");
      const key = freshKey();
      await using ana = await join(place, 0, { user: "ana" });
      await using again = await join(place, 1, { user: "ana" });
      await ana.ask("subscribe", { conversation: room });
      const message = { conversation: room, key, content: { text: "once" } };
      const first = await ana.ask("send", { ...message, attempt: 1 });
      const second = await again.ask("send", { ...message, attempt: 2 });
      expect(second.message).toBe(first.message);
      await again.ask("send", { ...message, attempt: 3, content: { text: "another" } });
      await again.until("the conflict is refused", () => again.pushes("refused").length === 1);
      expect(again.pushes("refused")[0]).toMatchObject({ key, code: "key_conflict" });
      await say(ana, room, "after");
      await ana.until("both are there", () => ana.events(room).length === 2);
      expect(textsOf(ana.events(room))).toEqual(["once", "after"]);
    },
  },
  {
    title: "history has what was pushed, page by page in both directions",
    async play(place) {
      const room = fresh("history");
      await using ana = await join(place, 0, { user: "ana" });
      await ana.ask("subscribe", { conversation: room });
      await sayMany(ana, room, 120, (i) => `line ${i}`);
      await ana.until("all are there", () => ana.events(room).length === 120);
      const path = `/v1/conversations/${encodeURIComponent(room)}/messages`;
      const read = async (query: string): Promise<HistoryReply> => {
        const response = await request(place, 1, "ana", path + query);
        expect(response.status).toBe(200);
        return (await response.json()) as HistoryReply;
      };
      const last = await read("?limit=50");
      expect(last.events.map(({ seq }) => seq)).toEqual(run(120).slice(70));
      expect(last).toMatchObject({ head: 120, floor: 1, more: true });
      const middle = await read(`?limit=50&before=${last.epoch}.71`);
      expect(middle.events.map(({ seq }) => seq)).toEqual(run(120).slice(20, 70));
      const up = await read(`?limit=100&after=${last.epoch}.0`);
      expect<readonly number[]>(up.events.map(({ seq }) => seq)).toEqual(run(100));
      expect(textsOf(up.events)).toEqual(textsOf(ana.events(room).slice(0, 100)));
    },
  },
  {
    title: "a service posts over HTTP: same road, same receipt, safe to repeat",
    async play(place) {
      const room = fresh("http");
      const path = `/v1/conversations/${encodeURIComponent(room)}/messages`;
      await using reader = await join(place, 1, { user: "eve" });
      await reader.ask("subscribe", { conversation: room });
      const headers = { "Idempotency-Key": `"${freshKey()}"` };
      const post = async (gateway: number) => {
        const body = JSON.stringify({ content: { text: "posted" } });
        const init = { method: "POST", body, headers };
        return sendReplySchema.parse(
          await (await request(place, gateway, "svc", path, init)).json(),
        );
      };
      const first = await post(0);
      const second = await post(1);
      expect(first.durability).toBe(place.durability);
      expect(second.message).toBe(first.message);
      await say(reader, room, "after");
      await reader.until("both are there", () => reader.events(room).length === 2);
      expect(textsOf(reader.events(room))).toEqual(["posted", "after"]);
    },
  },
  {
    title: "any text comes back to the byte",
    async play(place) {
      const room = fresh("bytes");
      const contents = [
        String.raw`{"text":"\u0000 \ud83d\ude00 \ud800 lone, \/ \" \\ \b\f\n\r\t"}`,
        '{"text":"🌊 grüße 東京 \u2028\u2029 \u202eabc","n":1e400,"z":-0,"a":[1.10,{}]}',
        `{"text":${JSON.stringify("x".repeat(60_000))}}`,
      ];
      await using ana = await join(place, 0, { user: "ana" });
      await using bob = await join(place, 1, { user: "bob" });
      const frames: string[] = [];
      await bob.ask("subscribe", { conversation: room });
      for (const content of contents) {
        const id = ana.nextId();
        const reply = ana.replyTo(id);
        const message = `"conversation":${JSON.stringify(room)},"key":"${freshKey()}","attempt":1`;
        ana.text(`{"id":${id},"send":{${message},"content":${content}}}`);
        expect((await reply).kind).toBe("reply");
      }
      await bob.until("all are there", () => bob.events(room).length === contents.length);
      const path = `/v1/conversations/${encodeURIComponent(room)}/messages`;
      frames.push(await (await request(place, 0, "ana", path)).text());
      for (const content of contents) expect(frames[0]).toContain(`"content":${content}`);
    },
  },
  {
    title: "tenants are walls: the same name is another conversation, and a cursor opens nothing",
    async play(place) {
      const room = fresh("walls");
      const [home, foreign] = place.tenants;
      await using ana = await join(place, 0, { user: "ana", tenant: home });
      await using spy = await join(place, 1, { user: "ana", tenant: foreign });
      await ana.ask("subscribe", { conversation: room });
      await spy.ask("subscribe", { conversation: room });
      await say(ana, room, "for us alone");
      await ana.until("it is placed", () => ana.events(room).length === 1);
      const { epoch, head } = await ana.ask("history", { conversation: room, limit: 1 });
      expect(head).toBe(1);
      expect(await spy.ask("history", { conversation: room, limit: 1 })).toMatchObject({ head: 0 });
      await using late = await join(place, 0, { user: "ana", tenant: foreign });
      const answer = await late.ask("subscribe", { conversation: room, cursor: `${epoch}.0` });
      expect(answer.recovered).toBe(false);
      // The foreign conversation is one of its own.
      await say(spy, room, "theirs");
      for (const who of [late, spy]) {
        await who.until("theirs is there", () => who.events(room).length === 1);
        expect(textsOf(who.events(room))).toEqual(["theirs"]);
      }
      expect(textsOf(ana.events(room))).toEqual(["for us alone"]);
    },
  },
];
