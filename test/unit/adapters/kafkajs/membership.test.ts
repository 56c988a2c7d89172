import { expect, test } from "bun:test";
import type { Brokers, Call } from "../../../../src/adapters/kafkajs/brokers.ts";
import { Membership } from "../../../../src/adapters/kafkajs/membership.ts";
import { encodeAssignment } from "../../../../src/adapters/kafkajs/subscription.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { SteppedClock } from "../../../support/stepped-clock.ts";

/** A coordinator that takes every request; `hold` says which one it answers only when it is let. */
class Coordinator implements Pick<Brokers, "addNode" | "ask" | "cut"> {
  readonly asked: string[] = [];
  readonly held = Promise.withResolvers<void>();
  readonly #answer = Promise.withResolvers<void>();
  readonly #hold: string;

  constructor(hold = "") {
    this.#hold = hold;
  }

  letGo(): void {
    this.#answer.resolve();
  }

  addNode(): void {}

  cut(): void {}

  async ask<T>(_purpose: unknown, _node: number, call: Call<T>): Promise<T> {
    const api = "api" in call ? call.api : "";
    this.asked.push(api);
    if (api === this.#hold) {
      this.held.resolve();
      await this.#answer.promise;
    }
    const note = { memberId: "m-1", settled: true, plan: "", mark: "" };
    return {
      errorCode: 0,
      coordinator: { nodeId: 1, host: "a", port: 1 },
      memberId: "m-1",
      leaderId: "other",
      generationId: 1,
      members: [],
      memberAssignment: encodeAssignment({ partitions: new Map(), note }),
    } as T;
  }
}

function join(brokers: Coordinator, assigned: () => Promise<void>): Membership {
  const membership = new Membership({
    brokers,
    clock: new SteppedClock(),
    limits: limitsWith(),
    group: "g",
    member: "m",
    sessionTimeoutMs: 8_000,
    events: {
      topics: () => new Set(),
      held: () => new Map(),
      plan: () => Promise.reject(new Error("it does not lead")),
      assigned,
      lost: () => {},
      failed: () => {},
    },
  });
  membership.start();
  return membership;
}

test("a member that leaves while it takes what it was given does not wait for more", async () => {
  const brokers = new Coordinator();
  const given = Promise.withResolvers<void>();
  const taken = Promise.withResolvers<void>();
  const membership = join(brokers, () => {
    given.resolve();
    return taken.promise;
  });
  await given.promise;
  const left = membership.leave();
  taken.resolve();
  await left;
  expect(brokers.asked.at(-1)).toBe("LeaveGroup");
}, 2_000);

test("a member that leaves before it knows the coordinator does not join any more", async () => {
  const brokers = new Coordinator("GroupCoordinator");
  const membership = join(brokers, () => Promise.resolve());
  await brokers.held.promise;
  const left = membership.leave();
  brokers.letGo();
  await left;
  expect(brokers.asked).not.toContain("JoinGroup");
}, 2_000);
