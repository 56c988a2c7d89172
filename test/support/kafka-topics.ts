import type { EventLog } from "../../src/ports/event-log.ts";
import { spec } from "../conformance/event-log-kit.ts";
import { cleanUp } from "./kafka-log.ts";
import { createScope } from "./scoped-log.ts";

/** Topics of one test on real brokers, deleted behind it. */
export function temporaryTopics(brokers: readonly string[], log: Pick<EventLog, "createTopic">) {
  const scope = createScope();
  return {
    async topic(partitions: number): Promise<string> {
      const full = { ...spec(`${scope.prefix}${scope.topics.size}`), partitions };
      scope.topics.add(full.name);
      await log.createTopic(full);
      return full.name;
    },
    remove: () => cleanUp(brokers, scope),
  };
}
