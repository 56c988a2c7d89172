import { consumerGroupHeartbeatV1, offsetCommitV9 } from "@platformatic/kafka";
import { asAppError } from "../../errors.ts";
import { topicsMark } from "../../kafka/assignment-note.ts";
import type { Partitions } from "../../policy/sticky-assignment.ts";
import type { GroupMembershipOptions } from "./group-classic.ts";
import { commitTopics, GroupCommits, worstCode, type GroupOffsets } from "./group-commits.ts";
import { fencedError, GROUP_CODES, hopelessError, isHopeless } from "./group-coordinator.ts";
import type { Membership } from "./group-membership.ts";
import { Signal } from "./group-signal.ts";

export interface ModernMembershipOptions extends Omit<GroupMembershipOptions, "describe"> {
  /** 32 hexadecimal digits, of a topic that is read; undefined while it is not known. */
  readonly topicId: (name: string) => string | undefined;
  readonly topicName: (id: string) => string | undefined;
  /** An id of this run of the process, unique among all. */
  readonly memberId: string;
}

type Answer = consumerGroupHeartbeatV1.ConsumerGroupHeartbeatResponse;
type Owned = readonly { readonly topicId: string; readonly partitions: readonly number[] }[];

const JOIN_EPOCH = 0;
const LEAVE_EPOCH = -1;
const ASSIGNOR = "uniform";
const RETRY_MS = 100;
const REFUSED_RETRY_MS = 1_000;

type Standing = "member" | "gone" | "unknown";

/**
 * A static member by Kafka's newer protocol (KIP-848): the coordinator assigns, and heartbeats carry
 * everything. They are sent more often than the broker asks for, as each step of a move waits for one.
 */
export class ModernMembership implements Membership {
  provenAt = Number.NEGATIVE_INFINITY;
  readonly #options: ModernMembershipOptions;
  readonly #pulse: Signal;
  readonly #commits: GroupCommits;
  #epoch = JOIN_EPOCH;
  /** The coordinator's last word, by topic id. */
  #target: Owned | undefined;
  /** What it was told last; resent only when it changed. */
  #toldMark = "";
  #toldOwned = "";
  #beating: Promise<Standing> | undefined;
  #state: "new" | "live" | "settling" | "ended" = "new";

  constructor(options: ModernMembershipOptions) {
    this.#options = options;
    this.#pulse = new Signal(options.clock);
    this.#commits = new GroupCommits(options.clock, (offsets) => this.#sendCommit(offsets));
  }

  start(): void {
    this.#state = "live";
    this.#pulse.raise();
    void this.#loop();
  }

  topicsChanged(): void {
    // A topic that was assigned before its name was known.
    this.#announceTarget();
    this.#pulse.raise();
  }

  released(): void {
    this.#pulse.raise();
  }

  async check(): Promise<boolean> {
    for (;;) {
      // One that was sent before the question proves nothing.
      await this.#beating;
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
  }

  async leave(): Promise<void> {
    this.#end();
    await this.#beating;
    if (this.#epoch === JOIN_EPOCH && this.#toldMark === "") return;
    const { coordinator } = this.#options;
    for (let attempt = 0; attempt < 2; attempt++) {
      try {
        const answer = await this.#send(LEAVE_EPOCH, null, []);
        if (!coordinator.isMoved(answer.errorCode)) return;
      } catch {
        // The session's end tells the others, should the second try fail as well.
      }
      await this.#pause(RETRY_MS);
    }
  }

  async #loop(): Promise<void> {
    let waitMs = 0;
    while (this.#state !== "ended") {
      await this.#pulse.wait(waitMs);
      const standing = await this.#beat();
      waitMs = standing === "member" ? this.#options.heartbeatMs : this.#retryMs;
    }
  }

  #retryMs = RETRY_MS;

  /** One heartbeat at a time: an answer is about the state that it was asked with. */
  async #beat(): Promise<Standing> {
    while (this.#beating !== undefined) await this.#beating;
    if (this.#state === "ended") return "unknown";
    this.#beating = this.#beatOnce();
    try {
      return await this.#beating;
    } finally {
      this.#beating = undefined;
    }
  }

  async #beatOnce(): Promise<Standing> {
    const { clock, events, coordinator, group, member } = this.#options;
    this.#retryMs = RETRY_MS;
    const topics = this.#options.topics();
    const mark = topicsMark(topics);
    const joining = this.#epoch === JOIN_EPOCH;
    if (joining && this.#state === "settling") return "unknown";
    const owned = joining ? [] : this.#owned();
    const ownedMark = JSON.stringify(owned);
    const names = joining || mark !== this.#toldMark ? [...topics] : null;
    const sentAt = clock.monotonic();
    let answer: Answer;
    try {
      const told = joining || ownedMark !== this.#toldOwned || names !== null ? owned : null;
      answer = await this.#send(this.#epoch, names, told);
    } catch (cause) {
      const error = asAppError(cause);
      if (error.code === "forbidden") {
        this.#retryMs = REFUSED_RETRY_MS;
        events.failed(error);
      }
      // What it heard of the last request is not known: the next one says everything.
      this.#toldMark = "";
      this.#toldOwned = "";
      return "unknown";
    }
    const code = answer.errorCode;
    if (code === GROUP_CODES.none) {
      this.provenAt = Math.max(this.provenAt, sentAt);
      this.#epoch = answer.memberEpoch;
      this.#toldMark = mark;
      this.#toldOwned = ownedMark;
      if (answer.assignment !== null) {
        this.#target = answer.assignment.topicPartitions.map(({ topicId, partitions }) => ({
          topicId: topicId.replaceAll("-", ""),
          partitions,
        }));
        this.#announceTarget();
      }
      return "member";
    }
    if (coordinator.isMoved(code)) return "unknown";
    this.#retryMs = REFUSED_RETRY_MS;
    if (code === GROUP_CODES.fencedInstance) {
      this.#end();
      events.lost();
      events.failed(fencedError(group, member));
      return "gone";
    }
    if (code === GROUP_CODES.unknownMember || code === GROUP_CODES.fencedEpoch) {
      this.#epoch = JOIN_EPOCH;
      this.#target = undefined;
      this.#toldMark = "";
      this.#retryMs = 0;
      events.lost();
      return "gone";
    }
    // The name belongs to a process that is gone without a word, until its session ends.
    if (code === GROUP_CODES.unreleasedInstance) return "unknown";
    if (isHopeless(code)) events.failed(hopelessError(group, code));
    return "unknown";
  }

  #send(epoch: number, names: string[] | null, owned: Owned | null): Promise<Answer> {
    const { coordinator, group, member, memberId, rebalanceTimeoutMs } = this.#options;
    return coordinator.call(
      "answers",
      consumerGroupHeartbeatV1.api,
      group,
      memberId,
      epoch,
      member,
      null,
      names === null ? -1 : rebalanceTimeoutMs,
      names,
      null,
      names === null ? null : ASSIGNOR,
      owned === null
        ? null
        : owned.map(({ topicId, partitions }) => ({ topicId, partitions: [...partitions] })),
    );
  }

  /** What is held, by topic id; a topic that was deleted cannot be told and is gone anyway. */
  #owned(): Owned {
    return [...this.#options.events.held()]
      .flatMap(([name, partitions]) => {
        const topicId = this.#options.topicId(name);
        return topicId === undefined
          ? []
          : [{ topicId, partitions: partitions.toSorted((a, b) => a - b) }];
      })
      .toSorted((a, b) => (a.topicId < b.topicId ? -1 : 1));
  }

  #announceTarget(): void {
    if (this.#target === undefined || this.#state !== "live") return;
    const target = new Map<string, readonly number[]>();
    for (const { topicId, partitions } of this.#target) {
      const name = this.#options.topicName(topicId);
      if (name !== undefined) target.set(name, partitions);
    }
    this.#options.events.assigned(target satisfies Partitions);
    // What is taken or let go is reported without waiting for the next beat.
    this.#pulse.raise();
  }

  #end(): void {
    this.#state = "ended";
    this.#pulse.raise();
    this.#commits.close();
  }

  async #sendCommit(offsets: GroupOffsets): Promise<number> {
    const { group, member, memberId, coordinator } = this.#options;
    if (this.#epoch === JOIN_EPOCH) return GROUP_CODES.rebalancing;
    const answer = await coordinator.call(
      "answers",
      offsetCommitV9.api,
      group,
      this.#epoch,
      memberId,
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
