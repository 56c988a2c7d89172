import { existsSync, mkdirSync, mkdtempSync, renameSync, rmSync } from "node:fs";
import { dirname, join } from "node:path";

export const K6_VERSION = "v1.8.1";

const ROOT = dirname(dirname(dirname(import.meta.dir)));
const CACHE = join(ROOT, "node_modules", ".cache", "tidegate");
const PROGRESS_EVERY_MS = 15_000;
const OUTPUT_CHARS = 3_000;
/** Goes on with less garbage collection: its texts live for one frame. */
export const K6_ENVIRONMENT = { GOGC: "400", K6_NO_USAGE_REPORT: "true" } as const;

export interface InstallPlaces {
  /** The folder of the project's cache. */
  readonly cache?: string;
  /** The program; null where there is none. */
  readonly go?: string | null;
}

/**
 * The path of k6 in this version. Where it is not in the project's cache yet and Go is on PATH, it is
 * built from source: sources and compiler's cache go into a folder that is removed again, so that
 * nothing outside the project changes.
 *
 * @param say is told of the progress, since building takes minutes
 * @throws with the next step when it cannot be had
 */
export async function ensureK6(
  say: (line: string) => void,
  { cache = CACHE, go = Bun.which("go") }: InstallPlaces = {},
): Promise<string> {
  const folder = join(cache, `k6-${K6_VERSION}`);
  const path = join(folder, "k6");
  if (existsSync(path)) return path;
  if (go === null) {
    throw new Error(
      `k6 ${K6_VERSION} is built with Go, which is not on PATH. Install Go 1.25 or later ` +
        `(https://go.dev/dl), or put k6 ${K6_VERSION} at ${path}, then run this again.`,
    );
  }
  mkdirSync(cache, { recursive: true });
  const work = mkdtempSync(join(cache, "k6-build-"));
  try {
    await build(go, work, say);
    mkdirSync(folder, { recursive: true });
    // In one step: whoever looks meanwhile finds either nothing or the whole program.
    renameSync(join(work, "bin", "k6"), path);
    return path;
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

async function build(go: string, work: string, say: (line: string) => void): Promise<void> {
  const startedAt = performance.now();
  const seconds = (): string => ((performance.now() - startedAt) / 1000).toFixed(0);
  say(`building k6 ${K6_VERSION} with Go, once, in about two minutes …`);
  const child = Bun.spawn(
    // Without -modcacherw, the sources could not be removed again.
    [go, "install", "-modcacherw", "-trimpath", "-ldflags=-s -w", `go.k6.io/k6@${K6_VERSION}`],
    {
      cwd: work,
      env: {
        ...process.env,
        GOBIN: join(work, "bin"),
        GOMODCACHE: join(work, "sources"),
        GOCACHE: join(work, "objects"),
        GOFLAGS: "",
      },
      stdio: ["ignore", "ignore", "pipe"],
    },
  );
  const progress = setInterval(() => say(`… still building (${seconds()} s)`), PROGRESS_EVERY_MS);
  const output = await new Response(child.stderr).text();
  const code = await child.exited;
  clearInterval(progress);
  if (code !== 0) {
    const next = "check that the Go module proxy can be reached, then run this again";
    throw new Error(`k6 could not be built; ${next}:\n${output.slice(-OUTPUT_CHARS)}`);
  }
  say(`built in ${seconds()} s`);
}
