import { AppError } from "../../errors.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Directory, KnownTopic } from "./directory.ts";

const RETRY_MS = 100;

/**
 * Asks a partition's leader until it answers: leaders move, brokers restart, and a topic that was
 * made a moment ago is not known everywhere. Only for what may be asked twice.
 *
 * @throws topic_unknown; what the last try said when `withinMs` are over
 */
export async function atLeader<T>(
  { clock, directory, withinMs }: { clock: Clock; directory: Directory; withinMs: number },
  topic: string,
  partition: number,
  ask: (node: number, known: KnownTopic) => Promise<T>,
): Promise<T> {
  const until = clock.monotonic() + withinMs;
  for (;;) {
    let failure = new AppError("log_unavailable", `${topic}/${partition} has no leader`);
    try {
      const known = await directory.partition(topic, partition);
      const leader = known.leaders[partition] ?? -1;
      try {
        if (leader >= 0) return await ask(leader, known);
      } catch (error) {
        failure = kafkaAppError(error);
        // The broker's view against the cluster's: one of them is behind.
        const passes = failure.retriable || failure.code === "topic_unknown";
        if (!passes) throw failure;
      }
      directory.forget(topic);
    } catch (error) {
      failure = kafkaAppError(error);
      if (!failure.retriable) throw failure;
    }
    if (clock.monotonic() + RETRY_MS > until) throw failure;
    await pause(clock, RETRY_MS);
  }
}

export function pause(clock: Clock, ms: number): Promise<void> {
  return new Promise((resolve) => clock.after(ms, resolve));
}
