import { existsSync } from "node:fs";
import { extname, join } from "node:path";
import type { SourceFile } from "./fault.ts";

const BINARY = new Set([".png", ".jpg", ".ico", ".woff2", ".gif", ".webp"]);

/** The files that git knows or would add, without those that are deleted in the work tree. */
export async function readTree(root: string): Promise<SourceFile[]> {
  const listed = Bun.spawnSync(
    ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
    { cwd: root },
  );
  if (listed.exitCode !== 0) {
    throw new Error(`git cannot list the files: ${listed.stderr.toString().trim()}`);
  }
  const paths = [...new Set(listed.stdout.toString().split("\0"))].filter(
    (path) => path !== "" && !BINARY.has(extname(path)) && existsSync(join(root, path)),
  );
  return Promise.all(
    paths.toSorted().map(async (path) => ({ path, text: await Bun.file(join(root, path)).text() })),
  );
}
