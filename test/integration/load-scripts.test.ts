import { afterAll, beforeAll, expect, test } from "bun:test";
import { Arguments } from "../../load/arguments.ts";
import { openTarget, type Target } from "../../load/k6/runner/target.ts";
import { runScript, type ScriptRun } from "../support/k6/run-script.ts";

const CLEAN = {
  lost: 0,
  duplicate: 0,
  reordered: 0,
  altered: 0,
  refused: 0,
  closed: 0,
  errors: 0,
};

let target: Target;

beforeAll(async () => {
  target = await openTarget(new Arguments([]), () => undefined);
});
afterAll(() => target[Symbol.asyncDispose]());

/** A quarter of the rate, since it is the first of four virtual users. */
function run(script: string, changes: Record<string, string>): Promise<ScriptRun> {
  return runScript(script, { ...target.environment, SECONDS: "1", WARM_UP: "0", ...changes });
}

test.concurrent("the chat script gets all of its messages back from a real server", async () => {
  const chat = await run("chat", { SCENARIO: "peak", RATE: "2000" });
  expect(chat.faults).toEqual(CLEAN);
  expect([chat.sum("acked"), chat.sum("delivered")]).toEqual([500, 1_000]);
  expect(chat.values("latency").length).toBeGreaterThan(0);
});

test.concurrent("the HTTP script reads over sockets what it posts", async () => {
  const http = await run("http", { RATE: "400" });
  expect(http.faults).toEqual(CLEAN);
  expect([http.sum("acked"), http.sum("delivered")]).toEqual([100, 200]);
  expect(http.values("receipt")).toHaveLength(100);
});

test.concurrent("the NDJSON script reads over sockets every line that it streams", async () => {
  const ndjson = await run("ndjson", { RATE: "8000" });
  expect(ndjson.faults).toEqual(CLEAN);
  expect([ndjson.sum("acked"), ndjson.sum("delivered")]).toEqual([2_000, 4_000]);
  expect(ndjson.values("receipt")).toHaveLength(4);
});

test.concurrent("every socket of a connect storm gets a message of its own", async () => {
  const storm = await run("connect-storm", { RATE: "200" });
  expect(storm.faults).toEqual(CLEAN);
  expect([storm.sum("acked"), storm.sum("delivered")]).toEqual([50, 50]);
  expect(storm.values("connect")).toHaveLength(50);
});

test.concurrent("readers of a resume storm come back and miss nothing", async () => {
  const storm = await run("resume-storm", { RATE: "400", SECONDS: "3" });
  const readers = 13 * 9;
  expect(storm.faults).toEqual(CLEAN);
  expect(storm.values("resume").length).toBeGreaterThanOrEqual(readers);
  // The first message of each of 13 conversations was there before its readers.
  expect(storm.sum("delivered")).toBe(storm.sum("acked") * 10 - readers);
});
