import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/** A folder of its own for one test, gone at the end of its scope. */
export function createTempFolder(): { readonly path: string } & Disposable {
  const path = mkdtempSync(join(tmpdir(), "tidegate-"));
  return { path, [Symbol.dispose]: () => rmSync(path, { recursive: true, force: true }) };
}
