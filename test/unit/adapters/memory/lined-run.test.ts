import { expect, test } from "bun:test";
import { LinedRun } from "../../../../src/adapters/memory/lined-run.ts";
import { encodeEventPush } from "../../../../src/wire/reply.ts";

const RUN = {
  tenant: "acme",
  conversation: 'say "é"',
  epoch: "e1",
  firstSeq: 9,
  offsets: [4, 5, 8],
  events: ['{"id":"a"}', '{"id":"b","text":"😀"}', '{"id":"c"}'],
};

test("a run's lines are the pushes of its events, and made once for all who ask", () => {
  let asked = 0;
  const run = new LinedRun({
    ...RUN,
    get events() {
      asked++;
      return RUN.events;
    },
  });
  const name = JSON.stringify(RUN.conversation);
  const lines = RUN.events.map((event, i) => encodeEventPush(name, RUN.firstSeq + i, event));
  expect(asked).toBe(0);
  expect(run.lines).toBe(lines.join("\n"));
  expect(run.lines).toBe(lines.join("\n"));
  expect(asked).toBe(1);
});

test("conversations do not get each other's lines", () => {
  const names = Array.from({ length: 20_001 }, (_, i) => `room ${i % 10_001}`);
  for (const conversation of names)
    expect(new LinedRun({ ...RUN, conversation }).lines).toStartWith(
      `{"push":{"conversation":"${conversation}","seq":9,"event":{"id":"a"}}}\n`,
    );
});
