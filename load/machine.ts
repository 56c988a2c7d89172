import { cpus, release, totalmem } from "node:os";
import { dirname } from "node:path";

/** What a figure was measured on. */
export interface Machine {
  readonly cpu: string;
  readonly cores: number;
  readonly memory_gib: number;
  readonly kernel: string;
  readonly bun: string;
}

export function machine(): Machine {
  const all = cpus();
  return {
    cpu: all[0]?.model.trim() ?? "unknown",
    cores: all.length,
    memory_gib: Math.round(totalmem() / 2 ** 30),
    kernel: release(),
    bun: Bun.version,
  };
}

/** The commit that is checked out, with `+` when tracked files differ from it. */
export function commit(): string {
  const git = (...args: string[]): string => {
    const result = Bun.spawnSync(["git", ...args], { cwd: dirname(import.meta.dir) });
    return result.success ? result.stdout.toString().trim() : "";
  };
  const hash = git("rev-parse", "--short=12", "HEAD");
  if (hash === "") return "unknown";
  const changed = git(
    "status",
    "--porcelain",
    "--untracked-files=no",
    "--",
    "src",
    "gateway",
    "consumers",
    "cli",
    "load",
  );
  return changed === "" ? hash : `${hash}+`;
}
