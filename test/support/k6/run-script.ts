import { dirname, join } from "node:path";

const ROOT = dirname(dirname(dirname(import.meta.dir)));

/** What a run of a script told of itself. */
export class ScriptRun {
  readonly #told: Readonly<Record<string, readonly number[]>>;

  constructor(told: Readonly<Record<string, readonly number[]>>) {
    this.#told = told;
  }

  values(name: string): readonly number[] {
    const values = this.#told[`tidegate_${name}`];
    if (values === undefined) throw new Error(`the script has no metric ${name}`);
    return values;
  }

  /** Of a counter; of a rate, how often it was true. */
  sum(name: string): number {
    return this.values(name).reduce((total, value) => total + value, 0);
  }

  /** All counts of what must not happen. */
  get faults(): Record<string, number> {
    const names = ["lost", "duplicate", "reordered", "altered", "refused", "closed", "errors"];
    return Object.fromEntries(names.map((name) => [name, this.sum(name)]));
  }
}

/**
 * Runs a script of `load/k6` in a process of its own, without k6.
 * @param environment what the script reads, see `docs/load.md`
 */
export async function runScript(
  script: string,
  environment: Readonly<Record<string, string>>,
): Promise<ScriptRun> {
  const child = Bun.spawn(
    [
      process.execPath,
      join(import.meta.dir, "script-fixture.ts"),
      join(ROOT, "load", "k6", `${script}.ts`),
    ],
    { env: { ...process.env, ...environment }, stdio: ["ignore", "pipe", "pipe"] },
  );
  const [output, complaints] = await Promise.all([
    new Response(child.stdout).text(),
    new Response(child.stderr).text(),
  ]);
  if ((await child.exited) !== 0) throw new Error(`${script} failed:\n${complaints}`);
  return new ScriptRun(JSON.parse(output) as Record<string, number[]>);
}
