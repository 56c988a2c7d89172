import { run } from "./run.ts";

/** A program of the operating system that a suite needs. */
export interface SystemPackage {
  readonly command: string;
  /** Debian's name for what brings it. */
  readonly package: string;
  /** Other names under which the same program is found. */
  readonly aliases?: readonly string[];
  /** Patterns of where it may be besides PATH. */
  readonly places?: readonly string[];
}

const APT_DEADLINE_MS = 300_000;

/**
 * Finds a program on PATH; where it is missing, installs Debian's package as root. Returns
 * undefined when the program is there, else the reason why it is not, with the next step.
 */
export async function ensureSystemPackage(
  wanted: SystemPackage,
  say: (line: string) => void,
): Promise<string | undefined> {
  if (programPath(wanted) !== undefined) return undefined;
  const byHand = `install it (Debian: apt-get install ${wanted.package}), then run this again`;
  if (Bun.which("apt-get") === null) return `${wanted.command} is not on PATH; ${byHand}`;
  if (process.getuid?.() !== 0) return `${wanted.command} is not on PATH; as root, ${byHand}`;

  say(`installing ${wanted.package} with apt-get …`);
  const apt = ["apt-get", "-q", "-o", "DPkg::Lock::Timeout=120"];
  const options = {
    env: { DEBIAN_FRONTEND: "noninteractive" },
    deadlineMs: APT_DEADLINE_MS,
    onProgress: (seconds: number) =>
      say(`… still installing ${wanted.package} (${seconds.toFixed(0)} s)`),
  };
  const updated = await run([...apt, "update"], options);
  const installed = await run(
    [...apt, "install", "--yes", "--no-install-recommends", wanted.package],
    options,
  );
  if (installed.exitCode === 0 && programPath(wanted) !== undefined) return undefined;
  const output = (updated.exitCode === 0 ? "" : updated.output) + installed.output;
  return `apt-get could not install ${wanted.package}; ${byHand}\n${output.slice(-2_000)}`;
}

/** Where the program is, or undefined. */
export function programPath(wanted: SystemPackage): string | undefined {
  const { command, aliases = [], places = [] } = wanted;
  for (const name of [command, ...aliases]) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  const found = places.flatMap((place) => [...new Bun.Glob(place).scanSync({ absolute: true })]);
  return found.toSorted().at(-1);
}
