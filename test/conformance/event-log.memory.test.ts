import { createMemoryDisk } from "../../src/adapters/memory/event-log-disk.ts";
import { createMemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { createShiftedClock } from "../support/shifted-clock.ts";
import { eventLogSuite } from "./event-log.ts";

eventLogSuite("memory", async () => {
  const clock = createShiftedClock();
  const disk = createMemoryDisk();
  const open = () => createMemoryEventLog({ clock, disk, random: createSystemRandom() });
  let log = open();
  return {
    log,
    async reopen() {
      await log.close();
      log = open();
      return log;
    },
    async ageBy(ms) {
      clock.shift(ms);
      log.expire();
    },
    async failLargeAppend(topic) {
      log.faults.failNextAppend({ code: "disk_full", topic });
      return async () => log.faults.clear();
    },
    dispose: () => log.close(),
  };
});
