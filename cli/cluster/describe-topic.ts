import { kafkaFault } from "../../src/kafka/error.ts";
import type { EventLog, TopicInfo } from "../../src/ports/event-log.ts";

/** @returns denied when the user is known and may not see it. @throws the log's error */
export async function describeTopic(
  log: Pick<EventLog, "describeTopic">,
  topic: string,
): Promise<TopicInfo | "denied" | undefined> {
  try {
    return await log.describeTopic(topic);
  } catch (error) {
    if (kafkaFault(error).kind === "authorization") return "denied";
    throw error;
  }
}
