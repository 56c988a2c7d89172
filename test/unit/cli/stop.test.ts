import { expect, test } from "bun:test";
import { Stop } from "../../../cli/stop.ts";
import { startProgram } from "../../support/program.ts";

test("a stop ends part after part, once, and tells which one is being ended", async () => {
  const ended: string[] = [];
  const first = Promise.withResolvers<void>();
  const stop = new Stop(() => [
    ["one", () => first.promise.then(() => ended.push("one"))],
    ["two", () => ended.push("two")],
  ]);
  expect(stop.at).toBeUndefined();
  const all = [stop.run(), stop.run()];
  expect(stop.at).toBe("one");
  first.resolve();
  await Promise.all(all);
  expect(ended).toEqual(["one", "two"]);
  expect(stop.at).toBeUndefined();
});

test("a part that cannot end keeps no other from it, and all of them are told", async () => {
  const ended: string[] = [];
  const stop = new Stop(() => [
    ["the store", () => Promise.reject(new Error("no room"))],
    [
      "the log",
      () => {
        throw new Error("no disk");
      },
    ],
    ["traces", () => ended.push("traces")],
  ]);
  await expect(stop.run()).rejects.toThrow("the store: Error: no room; the log: Error: no disk");
  expect(ended).toEqual(["traces"]);
});

async function end(how: string) {
  await using program = startProgram("stopping-fixture.ts", [how]);
  await program.when(() => program.lines.includes("up"));
  program.kill("SIGTERM");
  const code = await program.ended;
  return { code, lines: program.lines.slice(1), errors: program.errors() };
}

test("a program that ends well ends with 0 and says nothing", async () => {
  expect(await end("well")).toEqual({ code: 0, lines: ["the log is closed"], errors: "" });
});

test("a program whose time to stop runs out says what it waits for", async () => {
  const errors = "stopping took 300 ms: it waits for the store\n";
  expect(await end("hangs")).toEqual({ code: 1, lines: [], errors });
});

test("a program says which part could not be ended, after all others were", async () => {
  const errors = "stopping failed: Error: the store: Error: no room\n";
  expect(await end("throws")).toEqual({ code: 1, lines: ["the log is closed"], errors });
});

test("what was still coming up when a program is stopped does not change how it ends", async () => {
  expect(await end("fails late")).toEqual({ code: 0, lines: ["the log is closed"], errors: "" });
});
