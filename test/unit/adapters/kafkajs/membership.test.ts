import { expect, test } from "bun:test";
import type { Brokers, Call } from "../../../../src/adapters/kafkajs/brokers.ts";
import type { GroupPlan } from "../../../../src/adapters/kafkajs/group-requests.ts";
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
  readonly #leader: string;

  /** @param leader of the group: the member itself is `m-1` */
  constructor(hold = "", leader = "other") {
    this.#hold = hold;
    this.#leader = leader;
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
      leaderId: this.#leader,
      generationId: 1,
      members: [],
      memberAssignment: encodeAssignment({ partitions: new Map(), note }),
    } as T;
  }
}

const noPlan = (): Promise<GroupPlan> => Promise.reject(new Error("it does not lead"));

function join(
  brokers: Coordinator,
  { assigned = () => Promise.resolve(), plan = noPlan, clock = new SteppedClock() } = {},
): Membership {
  const membership = new Membership({
    brokers,
    clock,
    limits: limitsWith(),
    group: "g",
    member: "m",
    sessionTimeoutMs: 8_000,
    events: {
      topics: () => new Set(),
      held: () => new Map(),
      plan,
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
  const assigned = () => {
    given.resolve();
    return taken.promise;
  };
  const membership = join(brokers, { assigned });
  await given.promise;
  const left = membership.leave();
  taken.resolve();
  await left;
  expect(brokers.asked.at(-1)).toBe("LeaveGroup");
}, 2_000);

test("a member that leaves before it knows the coordinator does not join any more", async () => {
  const brokers = new Coordinator("GroupCoordinator");
  const membership = join(brokers);
  await brokers.held.promise;
  const left = membership.leave();
  brokers.letGo();
  await left;
  expect(brokers.asked).not.toContain("JoinGroup");
}, 2_000);

test("a leader that leaves while it shares out does not wait for the group's answer", async () => {
  const brokers = new Coordinator("SyncGroup", "m-1");
  const asked = Promise.withResolvers<void>();
  const planned = Promise.withResolvers<GroupPlan>();
  const plan = () => {
    asked.resolve();
    return planned.promise;
  };
  const membership = join(brokers, { plan });
  await asked.promise;
  const left = membership.leave();
  planned.resolve({ assigned: new Map(), settled: true, mark: "" });
  await left;
  expect(brokers.asked).toEqual(["GroupCoordinator", "JoinGroup", "LeaveGroup"]);
}, 2_000);

test("a member that leaves waits for no coordinator longer than for an answer", async () => {
  const brokers = new Coordinator("GroupCoordinator");
  const clock = new SteppedClock();
  const membership = join(brokers, { clock });
  await brokers.held.promise;
  const left = membership.leave();
  await clock.advance(limitsWith().groupAnswerTimeoutMs);
  await left;
  expect(brokers.asked).toEqual(["GroupCoordinator"]);
}, 2_000);

test("a member that leaves while the group's answer is on its way takes nothing and says no word after it", async () => {
  const brokers = new Coordinator("SyncGroup");
  const clock = new SteppedClock();
  const given: string[] = [];
  const assigned = async () => void given.push("something");
  const membership = join(brokers, { assigned, clock });
  await brokers.held.promise;
  const left = membership.leave();
  brokers.letGo();
  await left;
  await clock.advance(10 * limitsWith().groupHeartbeatMs);
  expect(given).toEqual([]);
  expect(brokers.asked.at(-1)).toBe("LeaveGroup");
}, 2_000);

test("a member that left without the group's answer takes nothing when that comes, and beats no more", async () => {
  const brokers = new Coordinator("SyncGroup");
  const clock = new SteppedClock();
  const given: string[] = [];
  const assigned = async () => void given.push("something");
  const membership = join(brokers, { assigned, clock });
  await brokers.held.promise;
  const left = membership.leave();
  await clock.advance(limitsWith().groupAnswerTimeoutMs);
  await left;
  brokers.letGo();
  await clock.advance(10 * limitsWith().groupHeartbeatMs);
  expect(given).toEqual([]);
  expect(brokers.asked).not.toContain("Heartbeat");
}, 2_000);
