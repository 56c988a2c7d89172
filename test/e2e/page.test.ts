import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import type { BrowserContextOptions } from "playwright-core";
import { WINDOW_MAX } from "../../gateway/web/browser/timeline.ts";
import { openWindow } from "../support/e2e/browser.ts";
import { Chatter } from "../support/e2e/chat.ts";
import { demoClient } from "../support/e2e/demo-client.ts";
import { GatewayProcess } from "../support/e2e/gateway-process.ts";

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await GatewayProcess.start();
});
afterAll(() => gateway[Symbol.asyncDispose]());

async function enter(
  stack: AsyncDisposableStack,
  name: string,
  room: string,
  options: BrowserContextOptions = {},
): Promise<Chatter> {
  const chatter = new Chatter(stack.use(await openWindow(options)));
  await chatter.enter(gateway.url, name, room);
  return chatter;
}

/** Writes many messages without a browser. */
async function write(room: string, count: number): Promise<void> {
  const client = demoClient(gateway.url, "writer");
  const texts = Array.from({ length: count }, (_, index) => `line ${index + 1}`);
  await Promise.all(texts.map((text) => client.send(room, { text }).receipt));
  client.close();
}

describe("two windows", () => {
  test("chat both ways, and show every message once", async () => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "both-ways");
    const ben = await enter(stack, "ben", "both-ways");
    await ana.say("hello ben");
    await ben.sees("hello ben");
    await ben.say("hello ana 👋 <b>plain</b> https://example.com/x");
    await ana.sees("hello ana");
    await ana.say("one\ntwo");
    await ben.sees("two");
    const texts = ["hello ben", "hello ana 👋 <b>plain</b> https://example.com/x", "one\ntwo"];
    expect(await ana.texts()).toEqual(texts);
    expect(await ben.texts()).toEqual(texts);
    expect(await ana.pending()).toEqual([]);
    expect(await ana.page.locator(".own .state[data-state=kept]").count()).toBe(2);
    expect(await ana.page.locator("#messages a").getAttribute("href")).toBe(
      "https://example.com/x",
    );
    expect(await ana.page.locator("#latency").textContent()).toMatch(/^[\d.]+ ms$/);
    expect([...ana.window.faults, ...ben.window.faults]).toEqual([]);
  });

  test("keep what is written while the gateway is away, and send it once when it is back", async () => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "away");
    const ben = await enter(stack, "ben", "away");
    await ana.say("before");
    await ben.sees("before");
    await gateway.kill();
    await ana.state("reconnecting");
    await ana.say("written without a gateway");
    await ana.say("and another");
    expect(await ana.pending()).toEqual(["written without a gateway", "and another"]);
    expect(await ana.page.locator("#banner").isVisible()).toBe(true);
    await gateway.start();
    await ben.sees("and another");
    await ana.nothingPending();
    const texts = ["before", "written without a gateway", "and another"];
    expect(await ana.texts()).toEqual(texts);
    expect(await ben.texts()).toEqual(texts);
  });

  test("lose and double nothing when the gateway is killed in the middle", async () => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "killed");
    const ben = await enter(stack, "ben", "killed");
    const texts: string[] = [];
    for (let i = 0; i < 30; i++) {
      texts.push(`message ${i};`);
      await ana.say(`message ${i};`);
      if (i === 9 || i === 19) {
        await gateway.kill();
        await gateway.start();
      }
    }
    await ben.sees("message 29;");
    await ana.nothingPending();
    expect(await ana.texts()).toEqual(texts);
    expect(await ben.texts()).toEqual(texts);
  });

  test("count what is unread in other rooms, and mark where it begins", async () => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "first");
    await ana.say("I was here");
    await ana.sees("I was here");
    await ana.page.fill("#room-input", "second");
    await ana.page.press("#room-input", "Enter");
    await ana.page.locator("#title", { hasText: "second" }).waitFor();
    const ben = await enter(stack, "ben", "first");
    await ben.say("news one");
    await ben.say("news two");
    await ana.page.locator(".unread", { hasText: "2" }).waitFor();
    expect(await ana.page.title()).toBe("(2) second · Tidegate");
    await ana.page.locator("#room-list a", { hasText: "first" }).click();
    await ana.sees("news two");
    const row = ana.page.locator("#messages li", { has: ana.page.locator(".divider.new") });
    expect(await row.locator(".text").textContent()).toBe("news one");
    // What was on the screen is not unread afterwards.
    await ben.say("seen");
    await ana.sees("seen");
    await ana.page.locator("#room-list a", { hasText: "second" }).click();
    await ana.page.locator("#title", { hasText: "second" }).waitFor();
    expect(await ana.page.locator(".unread").count()).toBe(0);
  });
});

describe("one window", () => {
  test("shows the room again after a reload, with what was not sent", async () => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "reload");
    await ana.say("kept");
    await ana.sees("kept");
    await ana.page.reload();
    await ana.sees("kept");
    await ana.state("connected");
    await ana.say("after");
    await ana.sees("after");
    expect(await ana.texts()).toEqual(["kept", "after"]);
    // Unsent messages outlive a reload too; the page itself has to come from somewhere.
    await ana.page.route("**/dev/token", (route) => route.abort());
    await gateway.kill();
    await gateway.start();
    await ana.say("unsent");
    await ana.page.reload();
    await ana.page.locator("#pending .text", { hasText: "unsent" }).waitFor();
    await ana.page.unroute("**/dev/token");
    await ana.sees("unsent");
    expect(await ana.texts()).toEqual(["kept", "after", "unsent"]);
  });

  test("says that it is offline, and comes back by itself", async () => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "offline");
    await ana.window.context.setOffline(true);
    await ana.state("offline");
    expect(await ana.page.locator("#status-text").textContent()).toBe("Offline");
    await ana.say("from the tunnel");
    expect(await ana.pending()).toEqual(["from the tunnel"]);
    await ana.window.context.setOffline(false);
    await ana.state("connected");
    await ana.sees("from the tunnel");
  });

  test("shows why a message was not sent, and lets it go", async () => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "long");
    await ana.say("x".repeat(70_000));
    const failure = ana.page.locator("#pending .failure");
    await failure.waitFor();
    expect(await failure.textContent()).toStartWith("Not sent: it is too long.");
    await failure.getByText("Discard").click();
    expect(await ana.pending()).toEqual([]);
  });

  test.each([320, 360, 414])("has no sideways scroll at %d pixels", async (width) => {
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "A very long name without an end", `narrow-${width}`, {
      viewport: { width, height: 640 },
      hasTouch: true,
    });
    await ana.say("wordwithoutanend".repeat(40));
    await ana.say(`https://example.com/${"path/".repeat(40)}`);
    await ana.sees("path");
    expect(await ana.number("document.documentElement.scrollWidth")).toBe(width);
    expect(await ana.number("document.querySelector('#scroller').scrollWidth")).toBeLessThanOrEqual(
      width,
    );
    expect(await ana.page.locator("#rooms").isVisible()).toBe(false);
    await ana.page.click("#menu");
    await ana.page.locator("#rooms").waitFor({ state: "visible" });
    await ana.page.keyboard.press("Escape");
    await ana.page.locator("#rooms").waitFor({ state: "hidden" });
  });

  test("reads 10,000 messages back in a bounded document, and stays where the reader is", async () => {
    await write("busy", 10_000);
    await using stack = new AsyncDisposableStack();
    const ana = await enter(stack, "ana", "busy");
    await ana.sees("line 10000");
    const rows = "document.querySelectorAll('#messages li').length";
    expect(await ana.number(rows)).toBeLessThanOrEqual(WINDOW_MAX);
    const first = (): Promise<number> =>
      ana.number("Number(document.querySelector('#messages li').dataset.seq)");
    for (let before = await first(), pages = 0; pages < 9; pages++) {
      await ana.number("document.querySelector('#scroller').scrollTop = 0");
      const other = ana.page.locator(`#messages li:first-child:not([data-seq="${before}"])`);
      await other.waitFor({ state: "attached" });
      expect(await first()).toBeLessThan(before);
      before = await first();
      expect(await ana.number(rows)).toBeLessThanOrEqual(WINDOW_MAX);
    }
    // The newest are no longer in the document; what comes does not move the reader.
    const place = await ana.number("document.querySelector('#scroller').scrollTop");
    const seq = await first();
    await write("busy", 5);
    await ana.page.locator("#latest", { hasText: "5 new messages" }).waitFor();
    expect(await ana.number("document.querySelector('#scroller').scrollTop")).toBe(place);
    expect(await first()).toBe(seq);
    await ana.page.click("#latest");
    await ana.sees("line 5");
    await ana.page.locator("#latest").waitFor({ state: "hidden" });
    const seqs =
      "[...document.querySelectorAll('#messages li')].map((row) => Number(row.dataset.seq))";
    const shown = await ana.page.evaluate<number[]>(seqs);
    expect(shown.at(-1)).toBe(10_005);
    expect(shown).toEqual(shown.map((_, index) => (shown[0] ?? 0) + index));
  });
});
