/**
 * Shows that the simulation notices bugs: puts each into a copy of the program and runs the
 * simulation there until it fails or `seeds` runs are over.
 *
 * `bun test/simulation/planted.ts [seeds] [--all]` prints the table; `--all` counts failing runs of
 * all seeds, and puts back the bugs that were found before too.
 */
import { cp, mkdtemp, readFile, rm, symlink, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { FOUND_BUGS, PLANTED_BUGS, type PlantedBug } from "./planted-bugs.ts";
import { OUTBOX_BUGS } from "./planted-outbox-bugs.ts";

/** What the runs of one bug came to. */
export interface Catch {
  readonly seeds: number;
  readonly failed: number;
  /** The first seed that failed; undefined: the bug was not noticed. */
  readonly first: number | undefined;
  readonly firstMs: number;
  /** Failed runs by the check that failed. */
  readonly checks: Readonly<Record<string, number>>;
}

const ROOT = dirname(dirname(import.meta.dir));
const COPIED = ["src", "gateway", "consumers", "test/simulation", "package.json", "tsconfig.json"];

/**
 * @param all whether to go on after the first failure
 * @param first a seed that is tried before the others
 */
export async function catchBug(
  bug: PlantedBug,
  seeds: number,
  all: boolean,
  first?: number,
): Promise<Catch> {
  const folder = await mkdtemp(join(tmpdir(), "tidegate-planted-"));
  try {
    for (const path of COPIED) await cp(join(ROOT, path), join(folder, path), { recursive: true });
    await symlink(join(ROOT, "node_modules"), join(folder, "node_modules"));
    for (const { file, from, to } of bug.patches) {
      const path = join(folder, file);
      const text = await readFile(path, "utf8");
      const parts = text.split(from);
      if (parts.length !== 2)
        throw new Error(`"${bug.name}": its place in ${file} occurs ${parts.length - 1} times`);
      await writeFile(path, parts.join(to));
    }
    const program = join(folder, "test/simulation/planted-fixture.ts");
    const child = Bun.spawn(
      [
        process.execPath,
        program,
        String(seeds),
        all ? "all" : "first",
        String(first ?? 1),
        bug.outbox === true ? "outbox" : "plain",
      ],
      {
        cwd: folder,
        stdout: "pipe",
        stderr: "pipe",
      },
    );
    const [output, errors] = await Promise.all([
      new Response(child.stdout).text(),
      new Response(child.stderr).text(),
    ]);
    if ((await child.exited) !== 0) throw new Error(`"${bug.name}" does not run:\n${errors}`);
    if (errors !== "") console.error(errors);
    return JSON.parse(output) as Catch;
  } finally {
    await rm(folder, { recursive: true, force: true });
  }
}

if (import.meta.main) {
  const seeds = Number(process.argv[2] ?? 200);
  const all = process.argv.includes("--all");
  console.log(`| bug | failing runs of ${seeds} | first seed | after | checks |`);
  console.log("| --- | ---: | ---: | ---: | --- |");
  const name = process.argv.find((argument) => argument.startsWith("--only="))?.slice(7) ?? "";
  const planted = [...PLANTED_BUGS, ...OUTBOX_BUGS];
  const bugs = all ? [...planted, ...FOUND_BUGS] : planted;
  for (const bug of bugs.filter((one) => one.name.includes(name))) {
    const { failed, first, firstMs, checks } = await catchBug(bug, seeds, all);
    const which = Object.entries(checks)
      .map(([check, times]) => `${check} ${times}`)
      .join(", ");
    const after = first === undefined ? "never" : `${(firstMs / 1_000).toFixed(2)} s`;
    console.log(`| ${bug.name} | ${failed} | ${first ?? "–"} | ${after} | ${which} |`);
  }
}
