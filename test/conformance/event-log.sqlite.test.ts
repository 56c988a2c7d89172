import { openSqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { createShiftedClock } from "../support/shifted-clock.ts";
import { createTempFolder } from "../support/temp-folder.ts";
import { eventLogSuite } from "./event-log.ts";

/** Of 4 KiB: a fresh segment may grow to less than a large append has. */
const PAGES_SMALL = 64;
const PAGES_ENOUGH = 1_000_000;

eventLogSuite("sqlite", async () => {
  const clock = createShiftedClock();
  const folder = createTempFolder();
  const open = () =>
    openSqliteEventLog({ folder: folder.path, clock, random: createSystemRandom() });
  let log = await open();
  return {
    log,
    async reopen() {
      await log.close();
      log = await open();
      return log;
    },
    async ageBy(ms) {
      clock.shift(ms);
      // Retention takes whole files, so what is to expire must be in one that was left.
      await log.retain();
      await log.roll();
    },
    async failLargeAppend() {
      await log.limitPagesForTests(PAGES_SMALL);
      return () => log.limitPagesForTests(PAGES_ENOUGH);
    },
    async dispose() {
      await log.close();
      folder[Symbol.dispose]();
    },
  };
});
