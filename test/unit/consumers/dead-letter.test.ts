import { expect, test } from "bun:test";
import { DeadLetters } from "../../../consumers/dead-letter.ts";
import { createMemoryDisk } from "../../../src/adapters/memory/event-log-disk.ts";
import { createMemoryEventLog } from "../../../src/adapters/memory/event-log.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { AppError } from "../../../src/errors.ts";
import type { EventLog } from "../../../src/ports/event-log.ts";
import { SteppedClock } from "../../support/stepped-clock.ts";

const TOPIC = "delivery.dlq";
const letter = {
  reason: "malformed_record",
  origin: "chat.acme/0/3",
  attempts: 1,
  tenant: "acme",
  record: { key: "k", headers: {}, value: "{}" },
} as const;

function start(): { log: EventLog; clock: SteppedClock } {
  const clock = new SteppedClock();
  const log = createMemoryEventLog({
    clock,
    disk: createMemoryDisk(),
    random: createSystemRandom(),
  });
  return { log, clock };
}

test("its topic is there before the first letter", async () => {
  const { log, clock } = start();
  await clock.settled(new DeadLetters(log, "delivery", clock).prepare());
  expect((await clock.settled(log.describeTopic(TOPIC)))?.partitions).toBe(1);
});

test("the first letter makes the topic when that failed before", async () => {
  const { log, clock } = start();
  let isAway = true;
  const flaky: EventLog = Object.assign(Object.create(log) as EventLog, {
    createTopic: (...asked: Parameters<EventLog["createTopic"]>) =>
      isAway ? Promise.reject(new AppError("log_unavailable")) : log.createTopic(...asked),
    append: (...asked: Parameters<EventLog["append"]>) => log.append(...asked),
  });
  const letters = new DeadLetters(flaky, "delivery", clock);
  await expect(letters.prepare()).rejects.toThrow();
  isAway = false;
  await clock.settled(letters.keep([letter]));
  expect((await clock.settled(log.range(TOPIC, 0))).end).toBe(1);
});
