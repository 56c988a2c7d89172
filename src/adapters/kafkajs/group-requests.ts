import { topicsMark } from "../../kafka/assignment-note.ts";
import type { Limits } from "../../limits.ts";
import type { StickyPlan } from "../../policy/sticky-assignment.ts";
import type { Brokers } from "./brokers.ts";
import { assertOk, codeName } from "./protocol.ts";
import {
  type Assignment,
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
  type Subscription,
} from "./subscription.ts";

export interface GroupRequestsOptions {
  readonly brokers: Pick<Brokers, "ask">;
  readonly group: string;
  /** Also the static member's id (KIP-345): a restart within the session keeps the partitions. */
  readonly member: string;
  readonly sessionTimeoutMs: number;
  readonly limits: Pick<Limits, "groupAnswerTimeoutMs" | "rebalanceTimeoutMs">;
}

export interface GroupSession {
  readonly memberId: string;
  readonly generation: number;
}

export interface JoinedGroup extends GroupSession {
  /** Whether this member is to say who holds what. */
  readonly leading: boolean;
  /** By name, when it is. */
  readonly members: ReadonlyMap<string, Subscription & { readonly memberId: string }>;
}

/** Who is to hold what, by the group's leader. */
export interface GroupPlan extends StickyPlan {
  /** Of the topics and partitions that it knew. */
  readonly mark: string;
}

export interface Commit {
  readonly topic: string;
  readonly partition: number;
  readonly offset: number;
}

interface JoinAnswer {
  readonly errorCode: number;
  readonly generationId: number;
  readonly leaderId: string;
  readonly memberId: string;
  readonly members: readonly {
    readonly memberId: string;
    readonly groupInstanceId: string | null;
    readonly memberMetadata: Buffer;
  }[];
}

interface SyncAnswer {
  readonly errorCode: number;
  readonly memberAssignment: Buffer | null;
}

interface CommitAnswer {
  readonly responses: readonly {
    readonly partitions: readonly { readonly errorCode: number }[];
  }[];
}

/** Members with another one are refused: all of a group share out partitions in the same way. */
const PROTOCOL = "tidegate-sticky";
/** For a coordinator that waits for every member. */
const SLACK_MS = 5_000;

/** The requests of one member to its group's coordinator. */
export class GroupRequests {
  readonly #options: GroupRequestsOptions;

  constructor(options: GroupRequestsOptions) {
    this.#options = options;
  }

  get #joinTimeoutMs(): number {
    return this.#options.limits.rebalanceTimeoutMs + SLACK_MS;
  }

  /** Waits for the other members. @throws ProtocolError */
  async join(node: number, memberId: string, subscription: Subscription): Promise<JoinedGroup> {
    const { brokers, group, member, sessionTimeoutMs, limits } = this.#options;
    const options = {
      groupId: group,
      sessionTimeout: sessionTimeoutMs,
      rebalanceTimeout: limits.rebalanceTimeoutMs,
      memberId,
      groupInstanceId: member,
      protocolType: "consumer",
      groupProtocols: [{ name: PROTOCOL, metadata: encodeSubscription(subscription) }],
    };
    const call = { api: "JoinGroup", options };
    const answer = await brokers.ask<JoinAnswer>("join", node, call, this.#joinTimeoutMs);
    if (codeName(answer.errorCode) === "MEMBER_ID_REQUIRED")
      return this.join(node, answer.memberId, subscription);
    assertOk(answer.errorCode, `joining ${group}`);
    return {
      memberId: answer.memberId,
      generation: answer.generationId,
      leading: answer.leaderId === answer.memberId,
      members: new Map(
        answer.members.map(({ memberId: id, groupInstanceId, memberMetadata }) => [
          groupInstanceId ?? id,
          { memberId: id, ...decodeSubscription(memberMetadata) },
        ]),
      ),
    };
  }

  /** Waits for the leader's plan, or gives it as the leader. @returns what this member is to hold @throws ProtocolError */
  async sync(node: number, joined: JoinedGroup, plan: GroupPlan | undefined): Promise<Assignment> {
    const { brokers, group, member } = this.#options;
    const groupAssignment = plan === undefined ? [] : encodePlan(joined, plan);
    const options = {
      groupId: group,
      generationId: joined.generation,
      memberId: joined.memberId,
      groupInstanceId: member,
      groupAssignment,
    };
    const call = { api: "SyncGroup", options };
    const answer = await brokers.ask<SyncAnswer>("join", node, call, this.#joinTimeoutMs);
    assertOk(answer.errorCode, `joining ${group}`);
    return decodeAssignment(answer.memberAssignment);
  }

  /** @throws ProtocolError */
  async beat(node: number, { memberId, generation }: GroupSession): Promise<void> {
    const { brokers, group, member, limits } = this.#options;
    const options = {
      groupId: group,
      groupGenerationId: generation,
      memberId,
      groupInstanceId: member,
    };
    const call = { api: "Heartbeat", options };
    const answer = await brokers.ask<{ errorCode: number }>(
      "beat",
      node,
      call,
      limits.groupAnswerTimeoutMs,
    );
    assertOk(answer.errorCode, `a heartbeat to ${group}`);
  }

  /** @throws ProtocolError */
  async commit(
    node: number,
    { memberId, generation }: GroupSession,
    { topic, partition, offset }: Commit,
  ): Promise<void> {
    const { brokers, group } = this.#options;
    const options = {
      groupId: group,
      groupGenerationId: generation,
      memberId,
      topics: [{ topic, partitions: [{ partition, offset }] }],
    };
    const answer = await brokers.ask<CommitAnswer>("beat", node, { api: "OffsetCommit", options });
    const code = answer.responses[0]?.partitions[0]?.errorCode ?? 0;
    assertOk(code, `a commit of ${group} ${topic}/${partition}`);
  }

  /** Others get what this member had at once. */
  async leave(node: number, memberId: string): Promise<void> {
    const { brokers, group, member, limits } = this.#options;
    const options = { groupId: group, memberId, groupInstanceId: member };
    const call = { api: "LeaveGroup", options };
    await brokers.ask("beat", node, call, limits.groupAnswerTimeoutMs);
  }
}

function encodePlan(
  { members }: JoinedGroup,
  { assigned, settled, mark: plan }: GroupPlan,
): { memberId: string; memberAssignment: Buffer }[] {
  return [...members].map(([name, { memberId, topics }]) => {
    const note = { settled, plan, memberId, mark: topicsMark(topics) };
    const partitions = assigned.get(name) ?? new Map<string, number[]>();
    return { memberId, memberAssignment: encodeAssignment({ partitions, note }) };
  });
}
