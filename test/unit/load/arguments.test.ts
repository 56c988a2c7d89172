import { expect, test } from "bun:test";
import { Arguments, headerOf } from "../../../load/arguments.ts";
import { runTool } from "../../support/cluster/tool.ts";

test("a program's first comment is its help", () => {
  expect(
    headerOf("/**\n * Does it.\n *\n *     bun x.ts [--n=1]\n */\nimport a;\n/** other */"),
  ).toBe("Does it.\n\n    bun x.ts [--n=1]");
  expect(headerOf("import a;\n/**\n * later\n */")).toBe("");
});

test("options that are not known are told", () => {
  expect(new Arguments(["--rate=1", "--quik"]).others(["rate", "quick"])).toEqual(["quik"]);
});

test("a load program says how it is called instead of starting, and refuses what it does not know", async () => {
  const help = await runTool("load/torture.ts", ["--help"], {});
  expect([help.code, help.errors]).toEqual([0, ""]);
  expect(help.output).toContain("[--kills=20]");
  const wrong = await runTool("load/run.ts", ["cluster", "--rat=1"], {});
  expect([wrong.code, wrong.output]).toEqual([2, ""]);
  expect(wrong.errors).toStartWith("--rat is not understood\n");
  expect(wrong.errors).toContain("--per-frame");
});
