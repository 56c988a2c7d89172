import { describe, expect, test } from "bun:test";
import { cpSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import type { ErrorCode } from "../../src/errors.ts";
import { chatTopic } from "../../src/topics.ts";
import { appendFixtureRecords } from "../support/gateway/foreign-records.ts";
import { run, say, sayMany } from "../support/gateway/sending.ts";
import { TestGateway } from "../support/gateway/test-gateway.ts";
import { until } from "../support/gateway/until.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const ROOM = "general";
const ANA = { user: "ana" };
const settings = { TIDEGATE_PARTITIONS: "1" };

/** Writes twice ten messages, with a copy of the log from between. */
async function prepare(folder: string): Promise<void> {
  await using gateway = await TestGateway.start({ folder, settings });
  for (const half of [1, 2]) {
    const client = await gateway.connect(ANA);
    await sayMany(client, ROOM, 10, (i) => `${half} ${i}`);
    await until("they are stored", async () => {
      return (await client.ask("history", { conversation: ROOM })).head === half * 10;
    });
    await client.close();
    await gateway.restart();
    if (half === 1) {
      await gateway.stop();
      cpSync(join(folder, "log"), join(folder, "copy"), { recursive: true });
      await gateway.restart();
    }
  }
}

const cases: readonly (readonly [string, ErrorCode, (folder: string) => Promise<void>])[] = [
  ["is gone", "topic_recreated", async () => {}],
  [
    "is an older copy",
    "log_truncated",
    async (folder) => cpSync(join(folder, "copy"), join(folder, "log"), { recursive: true }),
  ],
  [
    "is an older copy that others wrote to",
    "log_diverged",
    async (folder) => {
      cpSync(join(folder, "copy"), join(folder, "log"), { recursive: true });
      const log = await openSqliteEventLog({
        folder: join(folder, "log"),
        clock: createSystemClock(),
        random: createSystemRandom(),
      });
      await appendFixtureRecords(log, chatTopic("acme", 1).name, 15);
      await log.close();
    },
  ],
];

describe("a log that is not the one that the store belongs to", () => {
  for (const [what, code, replace] of cases) {
    test(`since it ${what}: ${code} stops that partition aloud, and nothing is read twice`, async () => {
      using folder = createTempFolder();
      await prepare(folder.path);
      rmSync(join(folder.path, "log"), { recursive: true });
      await replace(folder.path);
      await using gateway = await TestGateway.start({ folder: folder.path, settings });
      await using client = await gateway.connect(ANA);
      const ready = () => fetch(`${gateway.url}/readyz`);
      await until("it is not ready", async () => (await ready()).status === 503);
      const { checks } = (await (await ready()).json()) as { checks: { delivery: string } };
      expect(checks.delivery).toStartWith(`chat.messages.acme/0: ${code}: `);
      expect(gateway.faults.length).toBeGreaterThan(0);
      expect((await fetch(`${gateway.url}/livez`)).status).toBe(200);
      // What is stored can be read, and other tenants go on.
      const history = await client.ask("history", { conversation: ROOM });
      expect(history.events.map(({ seq }) => seq)).toEqual([...run(20)]);
      await using other = await gateway.connect({ user: "bob", tenant: "summit" });
      await other.ask("subscribe", { conversation: ROOM });
      await say(other, ROOM, "goes on");
      await other.until("it came", () => other.events(ROOM).length === 1);
    }, 30_000);
  }
});
