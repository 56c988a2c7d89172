import { expect, test } from "bun:test";
import { gunzipSync } from "node:zlib";
import { createPages } from "../../../gateway/web/pages.ts";

const pages = await createPages();
const get = (
  path: string,
  headers: Record<string, string> = {},
  method = "GET",
): Response | undefined => pages(new Request(`http://gate.test:8080${path}`, { method, headers }));

test("serves the page and its parts with their types, and nothing else", async () => {
  const types = [
    "/",
    "/assets/base.css",
    "/assets/chat.css",
    "/assets/page.js",
    "/assets/icon.svg",
  ].map((path) => get(path)?.headers.get("content-type"));
  expect(types).toEqual([
    "text/html; charset=utf-8",
    "text/css; charset=utf-8",
    "text/css; charset=utf-8",
    "text/javascript; charset=utf-8",
    "image/svg+xml",
  ]);
  for (const path of [
    "/index.html",
    "/assets/",
    "/assets/pages.ts",
    "/assets/../pages.ts",
    "/v1/socket",
  ]) {
    expect(get(path)).toBeUndefined();
  }
  expect(get("/", {}, "POST")).toBeUndefined();
  expect(await get("/?query=1")?.text()).toStartWith("<!doctype html>");
});

test("allows the page nothing but its own origin, no inline script and no HTML from text", async () => {
  const policy = get("/")?.headers.get("content-security-policy") ?? "";
  expect(policy).toContain("default-src 'none'");
  expect(policy).toContain("connect-src 'self' ws://gate.test:8080 wss://gate.test:8080");
  expect(policy).toContain("require-trusted-types-for 'script'");
  expect(policy).not.toContain("unsafe");
  const html = (await get("/")?.text()) ?? "";
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style/i);
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1]);
  for (const address of addresses) expect(get(address ?? "")?.status).toBe(200);
  const script = (await get("/assets/page.js")?.text()) ?? "";
  expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/);
  expect(script).not.toMatch(/^import\b/m);
});

test("serves the ops page where there is a key for it, and says how to have it where there is none", async () => {
  const off = get("/ops");
  expect(off?.status).toBe(404);
  expect(await off?.text()).toContain("TIDEGATE_ADMIN_KEY");
  expect(get("/assets/ops.js")).toBeUndefined();
  const withOps = await createPages({ ops: true });
  const ask = (path: string) => withOps(new Request(`http://gate.test:8080${path}`));
  const html = (await ask("/ops")?.text()) ?? "";
  expect(html).not.toMatch(/<script(?![^>]*\bsrc=)|\son\w+=|\sstyle=|<style/i);
  const addresses = [...html.matchAll(/(?:src|href)="([^"]*)"/g)].map((match) => match[1]);
  expect(addresses.length).toBeGreaterThan(2);
  for (const address of addresses) expect(ask(address ?? "")?.status).toBe(200);
  expect(ask("/ops")?.headers.get("content-security-policy")).toContain("default-src 'none'");
  const script = (await ask("/assets/ops.js")?.text()) ?? "";
  expect(script).not.toMatch(/innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\b/);
});

test("answers what the browser has already with 304", () => {
  const etag = get("/")?.headers.get("etag") ?? "";
  expect(get("/", { "if-none-match": `"other", W/${etag}` })?.status).toBe(304);
  expect(get("/", { "if-none-match": '"other"' })?.status).toBe(200);
  expect(get("/assets/page.js", { "if-none-match": etag })?.status).toBe(200);
});

test("compresses for those who take it", async () => {
  const plain = await get("/assets/page.js")?.bytes();
  const response = get("/assets/page.js", { "accept-encoding": "br, gzip" });
  expect(response?.headers.get("content-encoding")).toBe("gzip");
  const zipped = (await response?.bytes()) ?? new Uint8Array();
  expect(gunzipSync(zipped).equals(plain ?? new Uint8Array())).toBe(true);
  expect(zipped.length).toBeLessThan(20 * 1024);
});

test("answers HEAD without a body", async () => {
  const response = get("/", {}, "HEAD");
  expect(response?.status).toBe(200);
  expect(await response?.text()).toBe("");
});
