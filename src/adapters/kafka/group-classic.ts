import {
  heartbeatV4,
  joinGroupV9,
  leaveGroupV5,
  offsetCommitV8,
  syncGroupV5,
} from "@platformatic/kafka";
import { asAppError, type AppError } from "../../errors.ts";
import { topicsMark } from "../../kafka/assignment-note.ts";
import {
  assignSticky,
  type SharedTopic,
  type StickyMember,
} from "../../policy/sticky-assignment.ts";
import type { Clock } from "../../ports/clock.ts";
import { commitTopics, GroupCommits, worstCode, type GroupOffsets } from "./group-commits.ts";
import {
  fencedError,
  GROUP_CODES,
  type GroupCoordinator,
  hopelessError,
  isHopeless,
} from "./group-coordinator.ts";
import type { Membership, MembershipEvents } from "./group-membership.ts";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "./group-protocol.ts";
import { Signal } from "./group-signal.ts";

export interface GroupMembershipOptions {
  readonly group: string;
  /** Name of this member; Kafka's `group.instance.id`. */
  readonly member: string;
  readonly coordinator: GroupCoordinator;
  readonly clock: Clock;
  readonly events: MembershipEvents;
  /** The topics that are read now. */
  readonly topics: () => ReadonlySet<string>;
  /** What is known of these topics; those that are not there are left out. Asks for what is missing. */
  readonly describe: (names: ReadonlySet<string>) => Promise<readonly SharedTopic[]>;
  readonly sessionTimeoutMs: number;
  readonly rebalanceTimeoutMs: number;
  readonly heartbeatMs: number;
}

/** Ours: members that use another assignor are refused by the broker instead of fought with. */
const PROTOCOL = "tidegate-sticky";
const PROTOCOL_TYPE = "consumer";
/** While partitions are on their way from one member to another, the next round is near. */
const HASTE_MS = 40;
const RETRY_MS = 100;
const HOPELESS_RETRY_MS = 5_000;

type Standing = "member" | "gone" | "unknown";

/**
 * A static member by Kafka's classic protocol (KIP-345), rebalanced cooperatively (KIP-429): nothing
 * is revoked before a round says so, and what was let go is announced by joining once more.
 */
export class ClassicMembership implements Membership {
  provenAt = Number.NEGATIVE_INFINITY;
  readonly #options: GroupMembershipOptions;
  readonly #rejoin: Signal;
  readonly #pulse: Signal;
  readonly #commits: GroupCommits;
  #memberId = "";
  #generation = -1;
  #joining = false;
  #leader = false;
  #settled = true;
  /** What this member's place in the last round rested on: the topics that it reads. */
  #joinedMark = "";
  /** And, for the leader, what was known of them. */
  #plannedMark = "";
  #state: "new" | "live" | "settling" | "ended" = "new";

  constructor(options: GroupMembershipOptions) {
    this.#options = options;
    this.#rejoin = new Signal(options.clock);
    this.#pulse = new Signal(options.clock);
    this.#commits = new GroupCommits(options.clock, (offsets) => this.#sendCommit(offsets));
  }

  start(): void {
    this.#state = "live";
    this.#rejoin.raise();
    void this.#joinLoop();
    void this.#heartbeatLoop();
  }

  topicsChanged(): void {
    if (topicsMark(this.#options.topics()) !== this.#joinedMark) this.#rejoin.raise();
    else if (this.#leader) void this.#replanIfNeeded();
  }

  released(): void {
    this.#rejoin.raise();
  }

  async check(): Promise<boolean> {
    for (;;) {
      if (this.#state === "ended") return false;
      const standing = await this.#beat();
      if (standing !== "unknown") return standing === "member";
      await this.#pause(RETRY_MS);
    }
  }

  commit(offsets: GroupOffsets): Promise<void> {
    return this.#commits.commit(offsets);
  }

  settle(): void {
    if (this.#state === "live") this.#state = "settling";
    this.#rejoin.raise();
  }

  async leave(): Promise<void> {
    const { group, member, coordinator } = this.#options;
    this.#end();
    // A member whose first join is not answered yet is known to the coordinator by its name alone.
    const me = { memberId: this.#memberId, groupInstanceId: member, reason: "closed" };
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const answer = await coordinator.call("answers", leaveGroupV5.api, group, [me]);
        if (!coordinator.isMoved(answer.errorCode)) return;
      } catch {
        // The session's end tells the others, should the second try fail as well.
      }
      await this.#pause(RETRY_MS);
    }
  }

  async #joinLoop(): Promise<void> {
    while (this.#state === "live" || this.#state === "settling") {
      await this.#rejoin.wait();
      if (this.#state !== "live") continue;
      this.#joining = true;
      let retryMs: number | undefined;
      try {
        retryMs = await this.#join();
      } catch (error) {
        retryMs = this.#unanswered(asAppError(error));
      } finally {
        this.#joining = false;
      }
      this.#pulse.raise();
      if (retryMs === undefined) continue;
      if (retryMs > 0) await this.#pause(retryMs);
      this.#rejoin.raise();
    }
  }

  /** The coordinator was not found or did not answer. @returns ms after which to try again */
  #unanswered(error: AppError): number | undefined {
    if (error.code === "closed") return undefined;
    if (error.code !== "forbidden") return RETRY_MS;
    this.#options.events.failed(error);
    return HOPELESS_RETRY_MS;
  }

  /** One round. @returns ms after which to try again, or undefined when it is done */
  async #join(): Promise<number | undefined> {
    const { group, member, coordinator, events, sessionTimeoutMs, rebalanceTimeoutMs } =
      this.#options;
    const topics = this.#options.topics();
    this.#joinedMark = topicsMark(topics);
    const metadata = encodeSubscription(topics, events.held(), this.#generation);
    const answer = await coordinator.call(
      "joins",
      joinGroupV9.api,
      group,
      sessionTimeoutMs,
      rebalanceTimeoutMs,
      this.#memberId,
      member,
      PROTOCOL_TYPE,
      [{ name: PROTOCOL, metadata }],
      null,
    );
    if (this.#state === "ended") return undefined;
    if (answer.errorCode === GROUP_CODES.memberIdRequired) {
      this.#memberId = answer.memberId;
      return 0;
    }
    if (answer.errorCode !== GROUP_CODES.none) return this.#refused(answer.errorCode);
    this.#memberId = answer.memberId;
    this.#generation = answer.generationId;
    this.#leader = answer.leader === answer.memberId;
    const plan = this.#leader && !answer.skipAssignment ? await this.#plan(answer.members) : [];
    const sentAt = this.#options.clock.monotonic();
    const synced = await coordinator.call(
      "joins",
      syncGroupV5.api,
      group,
      this.#generation,
      this.#memberId,
      member,
      PROTOCOL_TYPE,
      PROTOCOL,
      plan,
    );
    // The state may have changed meanwhile, which the compiler cannot see.
    if ((this.#state as string) === "ended") return undefined;
    if (synced.errorCode === GROUP_CODES.rebalancing) return 0;
    if (synced.errorCode !== GROUP_CODES.none) return this.#refused(synced.errorCode);
    this.provenAt = Math.max(this.provenAt, sentAt);
    const { target, note } = decodeAssignment(synced.assignment);
    this.#settled = note.settled;
    events.assigned(target);
    if (note.memberId === this.#memberId) return note.mark === this.#joinedMark ? undefined : 0;
    // Inherited from an earlier self without a round: one is needed if things changed meanwhile.
    if (!note.settled || note.mark !== this.#joinedMark) return 0;
    if (!this.#leader) return undefined;
    this.#plannedMark = note.plan;
    const known = await this.#options.describe(namesOf(subscriptionsOf(answer.members)));
    return plannedMark(known) === note.plan ? undefined : 0;
  }

  #refused(code: number): number | undefined {
    const { coordinator, group, events } = this.#options;
    if (coordinator.isMoved(code)) return RETRY_MS;
    if (code === GROUP_CODES.fencedInstance) {
      this.#fence();
      return undefined;
    }
    if (code === GROUP_CODES.unknownMember || code === GROUP_CODES.illegalGeneration) {
      this.#gone(code);
      return 0;
    }
    if (isHopeless(code)) {
      events.failed(hopelessError(group, code));
      return HOPELESS_RETRY_MS;
    }
    return RETRY_MS;
  }

  async #heartbeatLoop(): Promise<void> {
    while (this.#state !== "ended") {
      await this.#pulse.wait(this.#settled ? this.#options.heartbeatMs : HASTE_MS);
      if (this.#generation < 0) continue;
      await this.#beat();
    }
  }

  async #beat(): Promise<Standing> {
    const { group, member, coordinator, clock } = this.#options;
    const memberId = this.#memberId;
    const generation = this.#generation;
    if (generation < 0) return "unknown";
    const sentAt = clock.monotonic();
    let code: number;
    try {
      const { api } = heartbeatV4;
      const answer = await coordinator.call("answers", api, group, generation, memberId, member);
      code = answer.errorCode;
    } catch {
      // Nobody answers: `provenAt` grows old, which is what workers look at.
      return "unknown";
    }
    if (code === GROUP_CODES.none || code === GROUP_CODES.rebalancing)
      this.provenAt = Math.max(this.provenAt, sentAt);
    if (this.#state === "ended") return "unknown";
    if (code === GROUP_CODES.fencedInstance) {
      this.#fence();
      return "gone";
    }
    // While a join is on its way, its own answer tells; a heartbeat's may be about the round before.
    const current = generation === this.#generation && memberId === this.#memberId;
    if (code === GROUP_CODES.none) return "member";
    if (code === GROUP_CODES.rebalancing) {
      if (current && !this.#joining) this.#rejoin.raise();
      return "member";
    }
    if (coordinator.isMoved(code) || !current || this.#joining) return "unknown";
    if (code === GROUP_CODES.unknownMember || code === GROUP_CODES.illegalGeneration) {
      this.#gone(code);
      this.#rejoin.raise();
      return "gone";
    }
    return "unknown";
  }

  #gone(code: number): void {
    if (code === GROUP_CODES.unknownMember) this.#memberId = "";
    this.#generation = -1;
    this.#leader = false;
    this.#options.events.lost();
  }

  #fence(): void {
    const { group, member, events } = this.#options;
    this.#end();
    events.lost();
    events.failed(fencedError(group, member));
  }

  #end(): void {
    this.#state = "ended";
    this.#rejoin.raise();
    this.#pulse.raise();
    this.#commits.close();
  }

  /** The leader's part of a round. */
  async #plan(
    members: readonly JoinedMember[],
  ): Promise<{ memberId: string; assignment: Buffer }[]> {
    const subscriptions = subscriptionsOf(members);
    const topics = await this.#options.describe(namesOf(subscriptions));
    this.#plannedMark = plannedMark(topics);
    const { assigned, settled } = assignSticky(topics, subscriptions);
    return subscriptions.map((subscription) => ({
      memberId: subscription.name,
      assignment: encodeAssignment(assigned.get(subscription.name) ?? new Map(), {
        settled,
        mark: topicsMark(subscription.topics),
        plan: this.#plannedMark,
        memberId: subscription.name,
      }),
    }));
  }

  async #replanIfNeeded(): Promise<void> {
    try {
      const topics = await this.#options.describe(this.#options.topics());
      if (this.#leader && plannedMark(topics) !== this.#plannedMark) this.#rejoin.raise();
    } catch {
      // No broker answers: the watch asks again, and says so when something changed.
    }
  }

  async #sendCommit(offsets: GroupOffsets): Promise<number> {
    const { group, member, coordinator } = this.#options;
    if (this.#generation < 0) return GROUP_CODES.rebalancing;
    const answer = await coordinator.call(
      "answers",
      offsetCommitV8.api,
      group,
      this.#generation,
      this.#memberId,
      member,
      commitTopics(offsets),
    );
    const code = worstCode(answer.topics);
    coordinator.isMoved(code);
    return code;
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => this.#options.clock.after(ms, resolve));
  }
}

interface JoinedMember {
  readonly memberId: string;
  readonly metadata: Buffer;
}

function subscriptionsOf(members: readonly JoinedMember[]): readonly StickyMember[] {
  return members.map(({ memberId, metadata }) => decodeSubscription(memberId, metadata));
}

function namesOf(members: readonly StickyMember[]): ReadonlySet<string> {
  return new Set(members.flatMap(({ topics }) => [...topics]));
}

function plannedMark(topics: readonly SharedTopic[]): string {
  return topicsMark(new Set(topics.map(({ name, partitions }) => `${name}/${partitions}`)));
}
