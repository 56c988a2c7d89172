import type { Counter, Histogram, Telemetry } from "../../ports/telemetry.ts";

/** Numbers of one process's connections to Redis. */
export interface RedisMetrics {
  readonly messages: Counter;
  readonly characters: Counter;
  readonly heard: Counter;
  readonly dropped: Readonly<Record<DropReason, Counter>>;
  readonly foreign: Counter;
  readonly reconnects: Counter;
  readonly interruptions: Counter;
  readonly refusalsDropped: Counter;
  readonly roundTrip: Histogram;
}

/** `away`: no connection; `full`: too much waits; `refused`: Redis said no; `unencodable`: a name or event has a line break. */
export type DropReason = "away" | "full" | "refused" | "unencodable";

const ROUND_TRIP_SECONDS = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1, 2.5];

export function createRedisMetrics(telemetry: Telemetry): RedisMetrics {
  const counter = (name: string, help: string, labels?: Record<string, string>): Counter =>
    telemetry.counter({
      name: `tidegate_backplane_${name}_total`,
      help,
      ...(labels === undefined ? {} : { labels }),
    });
  const dropped = (reason: DropReason): Counter =>
    counter("dropped", "Messages that were not sent over Redis, by reason", { reason });
  return {
    messages: counter("messages_sent", "Messages sent over Redis"),
    characters: counter("characters_sent", "Characters of messages sent over Redis"),
    heard: counter("messages_heard", "Messages heard from Redis"),
    dropped: {
      away: dropped("away"),
      full: dropped("full"),
      refused: dropped("refused"),
      unencodable: dropped("unencodable"),
    },
    foreign: counter("foreign_messages", "Messages on our channels that are not ours or not whole"),
    reconnects: counter("reconnects", "Connections to Redis that were lost"),
    interruptions: counter("interruptions", "Times that something may have been missed"),
    refusalsDropped: counter(
      "refusals_dropped",
      "Refusals that were given up before Redis had passed them on twice",
    ),
    roundTrip: telemetry.histogram({
      name: "tidegate_backplane_probe_seconds",
      help: "Time of a message to itself through Redis",
      buckets: ROUND_TRIP_SECONDS,
    }),
  };
}
