import { afterAll, beforeAll, expect, test } from "bun:test";
import { join } from "node:path";
import { openWindow } from "../support/e2e/browser.ts";
import { writeDamagedRecord } from "../support/e2e/damaged-record.ts";
import { demoClient } from "../support/e2e/demo-client.ts";
import { GatewayProcess } from "../support/e2e/gateway-process.ts";
import { until } from "../support/gateway/until.ts";

const KEY = "a-key-for-the-ops-page-alone";
const LOST = "written without its headers";
/** Dead letters that are shown before older ones are asked for. */
const PAGE = 25;

let gateway: GatewayProcess;
beforeAll(async () => {
  gateway = await GatewayProcess.start({
    settings: { TIDEGATE_ADMIN_KEY: KEY },
    prepare: (folder) => writeDamagedRecord(join(folder, "log"), "general", LOST),
  });
});
afterAll(() => gateway[Symbol.asyncDispose]());

test("the ops page asks for its key, shows what happens, and redrives a dead letter", async () => {
  await using window = await openWindow({ viewport: { width: 1_400, height: 900 } });
  const { page } = window;
  await page.goto(`${gateway.url}/ops`);
  await page.fill("#key", "not-the-key-of-this-installation");
  await page.press("#key", "Enter");
  await page.locator("#key-fault", { hasText: "that is not the admin key" }).waitFor();
  await page.fill("#key", KEY);
  await page.press("#key", "Enter");
  await page.locator("#status[data-state=live]").waitFor();
  await page.locator("#processes .badge.good", { hasText: "ready" }).waitFor();
  await page.locator("#problems .problem.warn", { hasText: "1 dead letter" }).waitFor();

  const client = demoClient(gateway.url, "ana");
  const heard: string[] = [];
  const subscription = client.subscribe("general", {
    onItem: (item) => {
      if (item.type === "event") heard.push((item.event.content as { text: string }).text);
    },
  });
  const sending = setInterval(() => void client.send("general", { text: "tick" }), 20);
  await page.locator("#tile-accepted .value:not(:text-matches('^(–|0)'))").waitFor();
  await page.locator("#tile-delivered .value:not(:text-matches('^(–|0)'))").waitFor();
  await page.locator("#tile-sockets .value", { hasText: "1" }).waitFor();
  await page.locator("#tenants td", { hasText: "demo" }).first().waitFor();
  await page.locator("#plots .plot polyline.line").first().waitFor({ state: "attached" });
  await page.locator("#lag td", { hasText: "chat.messages.demo" }).first().waitFor();
  clearInterval(sending);

  const damaged = page.locator("#letters tr", { hasText: "malformed_record" });
  await damaged.getByText("Inspect").click();
  expect(await page.locator("#letter-body pre.value").textContent()).toContain(LOST);
  expect(await page.locator("#letter-body").textContent()).toContain("chat.messages.demo/");
  await page.click("#letter-close");
  await damaged.getByText("Redrive", { exact: true }).click();
  await page.locator("#letters-note.good", { hasText: "was sent again" }).waitFor();
  await damaged.locator(".badge.good", { hasText: "redriven" }).waitFor();
  await page.locator("#problems .problem.good", { hasText: "All is well" }).waitFor();
  await until("its readers have it", () => heard.includes(LOST));
  await damaged.getByText("Again", { exact: true }).click();
  await page.locator("#letters-note.good", { hasText: "was sent again" }).waitFor();

  // Another content under a key that was used is refused, and cannot be sent again as it is.
  const { key, receipt } = client.send("general", { text: "first" });
  await receipt;
  await Promise.allSettled([client.send("general", { text: "second" }, { key }).receipt]);
  const conflict = page.locator("#letters tr", { hasText: "key_conflict" });
  await conflict.waitFor();
  expect(await conflict.getByText("Redrive", { exact: true }).isDisabled()).toBe(true);
  expect(heard.filter((text) => text === LOST)).toEqual([LOST]);

  // More than a page of them: the oldest comes with the older ones, and stays when all are read anew.
  // Each is refused, before its receipt or behind it.
  for (let i = 0; i < PAGE; i++)
    await Promise.allSettled([client.send("general", { text: `${i}` }, { key }).receipt]);
  await until("a page is full", async () => {
    await page.locator("#letters-refresh").click();
    return (await conflict.count()) === PAGE;
  });
  expect(await damaged.count()).toBe(0);
  await page.locator("#letters-more").click();
  await damaged.waitFor();
  await page.locator("#letters-refresh").click();
  await page.waitForResponse((response) => response.url().includes("&after="));
  expect(await conflict.count()).toBe(PAGE + 1);
  await damaged.waitFor();
  subscription.close();
  client.close();

  // What was seen last must not look like now when the gateway is silent.
  await page.route("**/v1/admin/**", (route) => route.abort("connectionrefused"));
  await page.locator("#problems .problem.bad", { hasText: "does not answer" }).waitFor();
  await page.locator("#board.stale").waitFor();
  expect(await page.locator("#problems .problem").count()).toBe(1);
  await page.locator("#letters-refresh").click();
  await page.locator("#letters-note.bad", { hasText: "cannot be read" }).waitFor();
  await page.unroute("**/v1/admin/**");
  await page.locator("#board:not(.stale) #problems .problem.good").waitFor();
  await page.locator("#letters-note:empty").waitFor({ state: "attached" });

  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(1_400);
  await page.setViewportSize({ width: 390, height: 800 });
  expect(await page.evaluate("document.documentElement.scrollWidth")).toBe(390);
  await page.click("#sign-out");
  await page.locator("#sign-in").waitFor();
  await page.reload();
  await page.locator("#sign-in").waitFor();
  // The browser itself tells of the answer to the wrong key.
  expect(window.faults.filter((fault) => !fault.includes("401"))).toEqual([]);
}, 60_000);
