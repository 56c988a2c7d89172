import { afterEach, beforeEach, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { ensureK6, K6_VERSION } from "../../../../load/k6/runner/install.ts";

let folder: string;
let cache: string;

beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidegate-install-"));
  cache = join(folder, "cache");
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

/** A program in place of Go. */
function goThat(script: string): string {
  const path = join(folder, "go");
  writeFileSync(path, `#!/bin/sh\n${script}\n`);
  chmodSync(path, 0o755);
  return path;
}

test("k6 is built once, and only it stays", async () => {
  const go = goThat('mkdir -p "$GOBIN" "$GOMODCACHE" "$GOCACHE"; echo "$@" > "$GOBIN/k6"');
  const said: string[] = [];
  const say = (line: string): void => void said.push(line);
  const path = await ensureK6(say, { cache, go });
  expect(readFileSync(path, "utf8")).toContain(`go.k6.io/k6@${K6_VERSION}`);
  expect(readdirSync(cache)).toEqual([`k6-${K6_VERSION}`]);
  expect(said.length).toBeGreaterThan(0);

  said.length = 0;
  expect(await ensureK6(say, { cache, go: null })).toBe(path);
  expect(said).toEqual([]);
});

test("without Go it is said what to install, and where a k6 may be put", async () => {
  const attempt = ensureK6(() => undefined, { cache, go: null });
  await expect(attempt).rejects.toThrow(/Install Go .*or put k6 v.* at .*k6-v[\d.]+\/k6/);
});

test("a build that fails says why and leaves nothing", async () => {
  const go = goThat('mkdir -p "$GOMODCACHE"; echo "no such host" >&2; exit 1');
  await expect(ensureK6(() => undefined, { cache, go })).rejects.toThrow("no such host");
  expect(readdirSync(cache)).toEqual([]);
});
