import { AppError } from "../../src/errors.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { EventLog } from "../../src/ports/event-log.ts";

/** The log whose appends have an outcome after `ms` at the latest: a publisher holds a lock meanwhile. */
export function boundedAppend(
  log: Pick<EventLog, "append">,
  clock: Clock,
  ms: number,
): Pick<EventLog, "append"> {
  return {
    append: (topic, partition, records) =>
      new Promise((resolve, reject) => {
        const timer = clock.after(ms, () => reject(new AppError("unknown_outcome")));
        log
          .append(topic, partition, records)
          .then(resolve, reject)
          .finally(() => timer.cancel());
      }),
  };
}
