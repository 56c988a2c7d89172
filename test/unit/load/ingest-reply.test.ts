import { expect, test } from "bun:test";
import { problemOf } from "../../../gateway/http/problem.ts";
import { ingestReplyOf } from "../../../load/ingest/reply.ts";
import { AppError } from "../../../src/errors.ts";
import { eventLines, startMemoryIngest } from "../../support/gateway/memory-ingest.ts";

test("a body of which some or no lines were taken is a reply, whatever its status", async () => {
  await using rig = await startMemoryIngest();
  for (const [body, accepted] of [
    [`${eventLines(3)}nonsense`, 3],
    ["nonsense", 0],
  ] as const) {
    const response = await rig.post(body);
    expect(ingestReplyOf(await response.text())).toMatchObject({ accepted, complete: true });
  }
});

test("a body that was refused as a whole is no figure", () => {
  const { text } = problemOf(new AppError("overloaded"), "urn:uuid:0");
  expect(() => ingestReplyOf(text)).toThrow(/refused as a whole: .*"code":"overloaded"/);
});
