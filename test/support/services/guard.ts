import { chmodSync, closeSync, mkdirSync, mkdtempSync, openSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

/**
 * Waits until the process that holds the other end of its input is gone, however it went, then ends
 * what has a file in `pids` (named by process group) or in `projects` (Compose), and removes the
 * folder. Postgres gets the chance to take its shared memory with it: SIGQUIT is its fast way out,
 * and at most a dump of threads into the log for a JVM.
 */
const GUARD = `
trap '' HUP INT TERM QUIT
cat >/dev/null
cd /
signal() {
  for file in "$1"/pids/*; do
    [ -f "$file" ] && kill -s "$2" -- "-\${file##*/}" 2>/dev/null
  done
}
for file in "$1"/projects/*; do
  [ -f "$file" ] && docker compose -p "\${file##*/}" -f "$(cat "$file")" down -v -t 0 >/dev/null 2>&1
done
signal "$1" QUIT
signal "$1" CONT
tries=0
while ls "$1"/*/data/postmaster.pid >/dev/null 2>&1 && [ $tries -lt 40 ]; do
  sleep 0.05
  tries=$((tries + 1))
done
tries=0
while [ -d "$1" ] && [ $tries -lt 200 ]; do
  signal "$1" KILL
  rm -rf "$1" 2>/dev/null || sleep 0.05
  tries=$((tries + 1))
done
`;

/** What a service is started through: it writes down its own process id, or does not start. */
export const ENTRY = 'echo $$ >"$0/$$" || exit 1; exec "$@"';

let root: string | undefined;
let counter = 0;

/** A new folder for one service, which does not outlive this process, nor do its processes. */
export function serviceFolder(name: string): string {
  counter += 1;
  const folder = join(serviceRoot(), `${name}-${counter}`);
  mkdirSync(folder, { recursive: true });
  // Postgres runs as another user where the tests run as root.
  chmodSync(folder, 0o777);
  return folder;
}

/** Where the guard looks for processes: a file for each, named by its id. */
export function pidFolder(): string {
  return join(serviceRoot(), "pids");
}

/** Where the guard looks for Compose projects: a file for each, which says where its file is. */
export function projectFolder(): string {
  return join(serviceRoot(), "projects");
}

/** The folder of all services of this process, watched by the guard from its first use on. */
export function serviceRoot(): string {
  if (root !== undefined) return root;
  const folder = mkdtempSync(join(tmpdir(), "tidegate-services-"));
  chmodSync(folder, 0o755);
  for (const name of ["pids", "projects"]) {
    mkdirSync(join(folder, name));
    chmodSync(join(folder, name), 0o777);
  }
  // The end that is written to stays open, unused, for as long as this process lives: its children do
  // not inherit it. It is opened for both so that opening does not wait for a reader.
  const lifeline = join(folder, "lifeline");
  Bun.spawnSync(["mkfifo", lifeline]);
  openSync(lifeline, "r+");
  const readEnd = openSync(lifeline, "r");
  // Handed over to init by a parent that ends at once: `bun test --no-orphans` kills its descendants
  // when it ends, and the guard has work to do just then.
  const handOver = 'exec 3<&0; setsid sh -c "$0" guard "$1" <&3 3<&- & exit 0';
  Bun.spawnSync(["sh", "-c", handOver, GUARD, folder], {
    cwd: "/",
    stdin: readEnd,
    stdout: "ignore",
    stderr: "ignore",
  });
  closeSync(readEnd);
  root = folder;
  return folder;
}
