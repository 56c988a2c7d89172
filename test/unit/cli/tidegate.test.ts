import { expect, test } from "bun:test";
import { join } from "node:path";
import packageJson from "../../../package.json" with { type: "json" };

const PROGRAM = join(import.meta.dir, "../../../cli/tidegate.ts");

function run(...args: readonly string[]) {
  const { stdout, stderr, exitCode } = Bun.spawnSync([process.execPath, PROGRAM, ...args]);
  return { output: stdout.toString(), errors: stderr.toString(), exitCode };
}

test("tells its version and Bun's", () => {
  const text = `tidegate ${packageJson.version} (Bun ${Bun.version})\n`;
  expect(run("--version")).toEqual({ output: text, errors: "", exitCode: 0 });
});

test("names its commands when it is asked for help, and for one that is none", () => {
  const help = run("--help");
  expect(help).toMatchObject({ errors: "", exitCode: 0 });
  expect(help.output).toContain("  dead-letters ");
  const errors = `there is no command toString\n\n${help.output}`;
  expect(run("toString")).toEqual({ output: "", errors, exitCode: 2 });
});
