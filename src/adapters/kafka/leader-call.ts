import { type Connection, ProtocolError } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import type { KafkaFaultName } from "../../kafka/error-signs.ts";
import { kafkaAppError, kafkaFault } from "../../kafka/error.ts";
import type { KafkaClient } from "./client.ts";

/** Faults that pass by themselves, or with newer metadata. */
const PASSING: ReadonlySet<KafkaFaultName> = new Set([
  "topic_unknown",
  "leader_moving",
  "connection_lost",
  "timeout",
  "refused",
  "coordinator",
]);
const RETRY_MS = 50;

/**
 * Calls until it succeeds, fails for good, or `ms` have passed.
 * @throws AppError with the last fault
 */
export async function retried<T>(
  client: KafkaClient,
  ms: number,
  call: () => Promise<T>,
): Promise<T> {
  const deadline = client.clock.monotonic() + ms;
  for (;;) {
    try {
      return await call();
    } catch (error) {
      if (error instanceof AppError) throw error;
      const passing = PASSING.has(kafkaFault(error).name);
      if (!passing || client.closed || client.clock.monotonic() + RETRY_MS >= deadline)
        throw kafkaAppError(error);
    }
    await new Promise<void>((resolve) => client.clock.after(RETRY_MS, resolve));
  }
}

/**
 * Calls the partition's leader, and its new one where it moved. A topic that was made a moment ago
 * may be unknown to a broker, so that is an error only after a while.
 *
 * @throws AppError: topic_unknown, log_unavailable …
 */
export async function atLeader<T>(
  client: KafkaClient,
  topic: string,
  partition: number,
  call: (connection: Connection) => Promise<T>,
): Promise<T> {
  const { metadata } = client;
  return retried(client, client.limits.appendOutcomeMs, async () => {
    if (metadata.leader(topic, partition) < 0) await metadata.refresh([topic]);
    const known = metadata.topic(topic);
    if (known !== undefined && (partition < 0 || partition >= known.leaders.length))
      throw new AppError("topic_unknown", `There is no partition ${topic}/${partition}`);
    const leader = metadata.leader(topic, partition);
    if (leader < 0)
      throw new ProtocolError(known === undefined ? metadata.fault(topic) : "LEADER_NOT_AVAILABLE");
    try {
      return await call(await client.connection(leader, "control"));
    } catch (error) {
      if (PASSING.has(kafkaFault(error).name)) metadata.forget(topic);
      throw error;
    }
  });
}
