import { openSqliteEventLog } from "../../../src/adapters/sqlite/event-log.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../../src/adapters/system/digest.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { limitsWith } from "../../../src/limits.ts";
import { messageRow } from "../../../src/placing/message-row.ts";
import { chatTopic } from "../../../src/topics.ts";

/**
 * Writes a message of ana's into the demo tenant's log without its headers, as programs do that copy
 * keys and values alone. Nobody may have the log open.
 */
export async function writeDamagedRecord(folder: string, room: string, text: string) {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const limits = limitsWith();
  const log = await openSqliteEventLog({ folder, clock, random });
  try {
    const { name, partitions } = await log.createTopic(chatTopic("demo", 2));
    const placement = { topic: name, shared: false, partitions };
    const place = () => Promise.resolve(placement);
    const row = await messageRow(
      {
        tenant: "demo",
        conversation: room,
        sender: "ana",
        key: random.uuidv7(),
        kind: "text",
        content: JSON.stringify({ text }),
      },
      {
        catalog: { place, isGone: () => false, find: place },
        digest: createSystemDigest(),
        clock,
        limits,
        source: "test",
      },
    );
    if ("fault" in row) throw new Error(row.fault);
    await log.append(row.topic, row.partition, [{ ...row.record, headers: {} }]);
  } finally {
    await log.close();
  }
}
