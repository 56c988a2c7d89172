import { openSqliteEventLog } from "../../src/adapters/sqlite/event-log.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { createShiftedClock } from "../support/shifted-clock.ts";
import { createTempFolder } from "../support/temp-folder.ts";
import { deadLettersConformance } from "./dead-letters.ts";

deadLettersConformance("sqlite", async () => {
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
    async dispose() {
      await log.close();
      folder[Symbol.dispose]();
    },
  };
});
