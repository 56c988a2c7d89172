import { expect, test } from "bun:test";
import { join } from "node:path";
import { gzipSync } from "node:zlib";

const entry = join(import.meta.dir, "../../../src/client/tidegate.ts");
/** A page pays for the SDK before it shows anything. */
const BYTES_MAX = 26 * 1024;
const GZIP_BYTES_MAX = 9 * 1024;

test("the SDK is one small file for a browser, with no import left", async () => {
  const result = await Bun.build({
    entrypoints: [entry],
    target: "browser",
    format: "esm",
    minify: true,
  });
  expect(result.success).toBe(true);
  expect(result.outputs).toHaveLength(1);
  const text = (await result.outputs[0]?.text()) ?? "";
  const transpiler = new Bun.Transpiler({ loader: "js" });
  expect(transpiler.scanImports(text)).toEqual([]);
  expect(text).not.toMatch(/\b(?:Bun|process|require|Buffer)\b/);
  expect(text.length).toBeLessThan(BYTES_MAX);
  expect(gzipSync(text).length).toBeLessThan(GZIP_BYTES_MAX);
});
