import type { EventLog } from "../../src/ports/event-log.ts";
import type { LogEnds } from "../../src/ports/log-cluster.ts";

/** The ends of a log that tells them one by one only. */
export function endsByRange(log: Pick<EventLog, "range">): LogEnds {
  return {
    async ends(partitions) {
      const ends: (number | undefined)[] = [];
      for (const { topic, partition } of partitions)
        ends.push(
          await log.range(topic, partition).then(
            ({ end }) => end,
            () => undefined,
          ),
        );
      return ends;
    },
  };
}
