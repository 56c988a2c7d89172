import { dirname, join } from "node:path";

const ROOT = dirname(dirname(dirname(import.meta.dir)));

/** Settings of a program that a test starts: nothing of the developer's own may get in. */
export type Settings = Readonly<Record<string, string>>;

const OURS =
  /^(?:TIDEGATE_|KAFKA_|REDIS_|DATABASE_|EVENT_STORE|OUTBOX_|HEALTH_|OTEL_|NODE_ENV$|PORT$|HOST$)/;

/** The environment without any setting, and these in their place. */
export function cleanEnvironment(settings: Settings): Record<string, string> {
  const inherited = Object.entries(process.env).filter(
    (entry): entry is [string, string] => entry[1] !== undefined && !OURS.test(entry[0]),
  );
  return { ...Object.fromEntries(inherited), ...settings };
}

export interface ToolEnd {
  readonly code: number;
  readonly output: string;
  readonly errors: string;
}

/** Runs a program of the command line to its end. @param file from the repository's root */
export async function runTool(
  file: string,
  args: readonly string[],
  settings: Settings,
): Promise<ToolEnd> {
  const child = Bun.spawn([process.execPath, join(ROOT, file), ...args], {
    cwd: ROOT,
    env: cleanEnvironment(settings),
    stdin: "ignore",
    stdout: "pipe",
    stderr: "pipe",
  });
  const [output, errors, code] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
    child.exited,
  ]);
  return { code, output, errors };
}
