import { kafkaAppError } from "../../kafka/error.ts";
import type { Clock } from "../../ports/clock.ts";
import type { Brokers } from "./brokers.ts";
import { findCoordinator } from "./coordinator.ts";
import { pause } from "./leader-calls.ts";
import { assertOk } from "./protocol.ts";

export interface GroupOffsetsOptions {
  readonly brokers: Brokers;
  readonly clock: Clock;
  readonly withinMs: number;
}

interface OffsetFetchAnswer {
  readonly errorCode: number;
  readonly responses: readonly {
    readonly partitions: readonly { readonly errorCode: number; readonly offset: string }[];
  }[];
}

const RETRY_MS = 100;

/** Reads what groups have committed. */
export class GroupOffsets {
  readonly #options: GroupOffsetsOptions;
  /** Where each group's coordinator was last. */
  readonly #nodes = new Map<string, number>();

  constructor(options: GroupOffsetsOptions) {
    this.#options = options;
  }

  /** As `EventLog.committed`; a coordinator that moves or loads is asked again for a while. */
  async committed(group: string, topic: string, partition: number): Promise<number | undefined> {
    const { clock, withinMs } = this.#options;
    const until = clock.monotonic() + withinMs;
    for (;;)
      try {
        return await this.#ask(group, topic, partition);
      } catch (error) {
        this.#nodes.delete(group);
        const failure = kafkaAppError(error);
        if (!failure.retriable || clock.monotonic() + RETRY_MS > until) throw failure;
        await pause(clock, RETRY_MS);
      }
  }

  async #ask(group: string, topic: string, partition: number): Promise<number | undefined> {
    const { brokers } = this.#options;
    const node = this.#nodes.get(group) ?? (await findCoordinator(brokers, group));
    this.#nodes.set(group, node);
    const answer = await brokers.ask<OffsetFetchAnswer>("admin", node, {
      api: "OffsetFetch",
      options: { groupId: group, topics: [{ topic, partitions: [{ partition }] }] },
    });
    assertOk(answer.errorCode, group);
    const found = answer.responses[0]?.partitions[0];
    assertOk(found?.errorCode ?? 0, `${group} ${topic}/${partition}`);
    const offset = Number(found?.offset ?? -1);
    return offset < 0 ? undefined : offset;
  }
}
