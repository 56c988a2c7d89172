import { expect, test } from "bun:test";
import { FAULTS } from "../../load/torture/book.ts";
import { Torture } from "../../load/torture/run.ts";

const KILLS = 3;
const TIMEOUT_MS = 120_000;
const NONE = Object.fromEntries(FAULTS.map((fault) => [fault, 0]));

test(
  "loses, doubles, moves and alters nothing while it is killed under load",
  async () => {
    const lines: string[] = [];
    const torture = new Torture({
      kills: KILLS,
      rate: 2_000,
      conversations: 6,
      readersPerConversation: 2,
      lifeMs: [300, 1_500],
      seed: Date.now() % 1_000_000,
      log: (line) => void lines.push(line),
    });
    const book = await torture.run();
    expect({ faults: book.faults, examples: book.examples, lines }).toMatchObject({ faults: NONE });
    // A run in which nothing happened would prove nothing.
    expect(book.counts.acked).toBe(book.messages.length);
    expect(book.counts.acked).toBeGreaterThan(1_000);
    expect(book.counts.resent).toBeGreaterThan(0);
    expect(book.counts.conflicts_refused).toBeGreaterThan(0);
    expect(lines.filter((line) => line.startsWith("kill "))).toHaveLength(KILLS);
  },
  TIMEOUT_MS,
);
