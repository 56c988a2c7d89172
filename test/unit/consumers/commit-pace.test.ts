import { expect, test } from "bun:test";
import { startDeliveryPool } from "../../../consumers/delivery/pool.ts";
import { createMemoryBackplane } from "../../../src/adapters/memory/backplane.ts";
import { createMemoryEventLog } from "../../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../../src/adapters/memory/message-store.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createMemoryTenantCatalog } from "../../../src/adapters/memory/tenant-catalog.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { limitsWith } from "../../../src/limits.ts";
import { chatTopic } from "../../../src/topics.ts";
import { encodeMessageRecord, recordTemplate } from "../../../src/wire/record.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const PARTITIONS = 32;
const LINGER_MS = 50;
const { name: TOPIC } = chatTopic("acme", PARTITIONS, 60_000);

test("many partitions with a little each commit less often, but one that is asked for a beat at once", async () => {
  const clock = new SteppedClock();
  const random = createSystemRandom();
  const log = createMemoryEventLog({ clock, random });
  const places = { log, partitions: PARTITIONS, retentionMs: 60_000, retentionBytes: undefined };
  const catalog = await createMemoryTenantCatalog(places);
  await catalog.place("acme");
  const backplane = createMemoryBackplane();
  const ignore = () => {};
  const member = backplane.attach({
    publication: ignore,
    beat: ignore,
    refusal: ignore,
    interrupted: ignore,
  });
  const store = new MemoryMessageStore();
  const pool = await startDeliveryPool({
    member: "one",
    log,
    store,
    backplane,
    catalog,
    clock,
    random,
    limits: limitsWith({ storeLingerMs: LINGER_MS }),
    telemetry: createMemoryTelemetry(),
  });
  let sent = 0;
  const sendToAll = async (): Promise<void> => {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const conversation = `c${partition}`;
      const origin = { tenant: "acme", conversation, sender: "ana", key: conversation };
      const id = `m${++sent}`;
      const record = encodeMessageRecord(recordTemplate({ ...origin, source: "test" }), {
        key: id,
        id: `${id}.scope`,
        attempt: 1,
        kind: "text",
        timestamp: clock.now(),
        content: "{}",
        fingerprint: "f",
      });
      await clock.settled(log.append(TOPIC, partition, [record]));
    }
  };
  const stored = async (): Promise<number> =>
    (await store.offsets()).reduce((sum, { nextOffset }) => sum + nextOffset, 0);
  const toMultiple = (ms: number) => clock.advance(ms - (clock.monotonic() % ms));
  await sendToAll();
  await toMultiple(LINGER_MS);
  expect(await stored()).toBe(PARTITIONS);
  await sendToAll();
  await clock.advance(LINGER_MS);
  const late = (await store.offsets()).filter(({ nextOffset }) => nextOffset === 1);
  expect(late.length).toBeGreaterThan(PARTITIONS / 2);
  const partition = late.at(-1)?.partition ?? -1;
  member.askBeat(TOPIC, partition);
  await clock.advance(LINGER_MS);
  const offsets = await store.offsets();
  expect(offsets.find((one) => one.partition === partition)?.nextOffset).toBe(2);
  // Nobody waits for the others.
  expect(offsets.filter(({ nextOffset }) => nextOffset === 1).length).toBeGreaterThan(
    PARTITIONS / 2,
  );
  await clock.advance(16 * LINGER_MS);
  expect(await stored()).toBe(2 * PARTITIONS);
  await clock.settled(pool.close());
  await clock.settled(log.close());
});
