import { AppError } from "../../errors.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { Limits } from "../../limits.ts";
import type { Partitions } from "../../policy/sticky-assignment.ts";
import type { Clock, Timer } from "../../ports/clock.ts";
import type { Brokers } from "./brokers.ts";
import { findCoordinator } from "./coordinator.ts";
import { type GroupPlan, GroupRequests, type JoinedGroup } from "./group-requests.ts";
import { Heartbeat } from "./heartbeat.ts";
import { pause } from "./leader-calls.ts";
import { errorType } from "./protocol.ts";

export interface MembershipEvents {
  topics(): ReadonlySet<string>;
  /** What is held right now, including what is about to be let go. */
  held(): Partitions;
  /** As the group's leader: who is to hold what. */
  plan(joined: JoinedGroup): Promise<GroupPlan>;
  /** What this member is to hold; what it holds besides, it lets go. */
  assigned(target: Partitions): Promise<void>;
  /** The group counts this member as gone: all it held may be another's already. */
  lost(): void;
  /** It cannot be a member now, or not under this name. */
  failed(error: AppError): void;
}

export interface MembershipOptions {
  readonly brokers: Pick<Brokers, "addNode" | "ask" | "cut">;
  readonly clock: Clock;
  readonly group: string;
  readonly member: string;
  readonly sessionTimeoutMs: number;
  readonly limits: Pick<Limits, "groupAnswerTimeoutMs" | "groupHeartbeatMs" | "rebalanceTimeoutMs">;
  readonly events: MembershipEvents;
}

const RETRY_MS = { first: 100, max: 1_000 };
const COMMIT_MS = 5_000;

/** The group's leader is elsewhere, or is not ready. */
const MOVED: ReadonlySet<string> = new Set([
  "GROUP_LOAD_IN_PROGRESS",
  "GROUP_COORDINATOR_NOT_AVAILABLE",
  "NOT_COORDINATOR_FOR_GROUP",
]);
const GONE: ReadonlySet<string> = new Set(["UNKNOWN_MEMBER_ID", "ILLEGAL_GENERATION"]);
/** No later try mends these by itself. */
const HOPELESS: ReadonlySet<string> = new Set([
  "INCONSISTENT_GROUP_PROTOCOL",
  "INVALID_SESSION_TIMEOUT",
  "GROUP_AUTHORIZATION_FAILED",
  "GROUP_MAX_SIZE_REACHED",
  "UNSUPPORTED_VERSION",
]);

/**
 * A place in a consumer group by the classic protocol. The library's own consumer is not used: it
 * lets go of everything at every rebalance, learns of what it lost only when others have it, resets
 * positions by itself, and cannot change its topics while it runs. Its requests can do all of that.
 */
export class Membership {
  readonly #options: MembershipOptions;
  readonly #requests: GroupRequests;
  readonly #heartbeat: Heartbeat;
  #memberId = "";
  #generation = -1;
  #node: Promise<number> | undefined;
  #joining = false;
  #rejoin = true;
  #wake: (() => void) | undefined;
  #failedOnce = false;
  #state: "running" | "leaving" | "stopped" = "running";
  #running: Promise<void> = Promise.resolve();
  #retry: Timer | undefined;

  constructor(options: MembershipOptions) {
    this.#options = options;
    const { clock, limits } = options;
    this.#requests = new GroupRequests(options);
    const { groupHeartbeatMs: intervalMs } = limits;
    this.#heartbeat = new Heartbeat({ clock, intervalMs, beat: () => this.#beat() });
  }

  /** Monotonic ms at which the last request was sent that was answered as to a member. */
  get provenAt(): number {
    return this.#heartbeat.provenAt;
  }

  start(): void {
    this.#running = this.#run();
  }

  /** Another round, for there is something new to tell. */
  rejoin(): void {
    this.#rejoin = true;
    this.#wake?.();
  }

  /** Whether the coordinator counts this as a member, asked anew; waits while it does not answer. */
  async check(): Promise<boolean> {
    while (this.#state === "running" && this.#memberId !== "") {
      const answer = await this.#heartbeat.check();
      if (answer !== "unclear") return answer === "member";
      await pause(this.#options.clock, RETRY_MS.first);
    }
    return false;
  }

  /** @throws log_unavailable when the coordinator does not take it for a while; fenced */
  async commit(topic: string, partition: number, offset: number): Promise<void> {
    const { clock } = this.#options;
    const until = clock.monotonic() + COMMIT_MS;
    for (;;)
      try {
        const session = { memberId: this.#memberId, generation: this.#generation };
        return await this.#requests.commit(await this.#coordinator(), session, {
          topic,
          partition,
          offset,
        });
      } catch (error) {
        const type = errorType(error);
        if (GONE.has(type) && !this.#joining && this.#generation < 0)
          throw new AppError("fenced", "The member is not in the group", { cause: error });
        if (clock.monotonic() > until || this.#state === "stopped") throw kafkaAppError(error);
        if (type === "" || MOVED.has(type)) this.#forgetCoordinator();
        await pause(clock, RETRY_MS.first);
      }
  }

  /** Others get what this member had at once. Bounded in time: the session ends by itself as well. */
  async leave(): Promise<void> {
    if (this.#state !== "running") return;
    this.#state = "leaving";
    this.#heartbeat.stop();
    this.#wake?.();
    this.#retry?.cancel();
    // A join that is under way would make it a member again.
    this.#options.brokers.cut("join");
    const { clock, limits } = this.#options;
    const late = Promise.withResolvers<void>();
    const timer = clock.after(limits.groupAnswerTimeoutMs, late.resolve);
    await Promise.race([this.#sayGoodbye(), late.promise]);
    timer.cancel();
    this.#state = "stopped";
    this.#generation = -1;
  }

  async #sayGoodbye(): Promise<void> {
    await this.#running;
    try {
      await this.#requests.leave(await this.#coordinator(), this.#memberId);
    } catch {
      // The session ends by itself then.
    }
  }

  async #run(): Promise<void> {
    let waitMs: number = RETRY_MS.first;
    while (this.#state === "running")
      try {
        await this.#join();
        waitMs = RETRY_MS.first;
        this.#failedOnce = false;
        // Who began to leave while the round ended finds nobody to wake.
        if (!this.#rejoin && this.#state === "running")
          await new Promise<void>((resolve) => (this.#wake = resolve));
        this.#wake = undefined;
      } catch (error) {
        if (this.#state !== "running" || !this.#recover(error)) return;
        if (GONE.has(errorType(error)) || errorType(error) === "REBALANCE_IN_PROGRESS") continue;
        await this.#sleep(waitMs);
        waitMs = Math.min(waitMs * 2, RETRY_MS.max);
      }
  }

  async #join(): Promise<void> {
    const { clock, events } = this.#options;
    this.#joining = true;
    try {
      const node = await this.#coordinator();
      // Nothing would cut the wait for the others any more.
      if (!this.#isRunning()) return;
      this.#rejoin = false;
      const subscription = {
        topics: events.topics(),
        owned: events.held(),
        generation: this.#generation,
      };
      const joined = await this.#requests.join(node, this.#memberId, subscription);
      this.#memberId = joined.memberId;
      this.#generation = joined.generation;
      const plan = joined.leading ? await events.plan(joined) : undefined;
      // Its leaving makes the others begin anew.
      if (!this.#isRunning()) return;
      const proof = clock.monotonic();
      const { partitions, note } = await this.#requests.sync(node, joined, plan);
      // Nobody would end the heartbeats that begin here.
      if (!this.#isRunning()) return;
      // Inherited from an earlier self without a round (KIP-345): that one may have read other
      // topics, or died while others waited for it to let go.
      if (note.memberId !== joined.memberId) this.#rejoin = true;
      this.#heartbeat.start(proof, note.settled);
      // A rebalance that began meanwhile is told by the next heartbeat.
      await events.assigned(partitions);
    } finally {
      this.#joining = false;
    }
  }

  /** It may have begun to leave while something was awaited. */
  #isRunning(): boolean {
    return this.#state === "running";
  }

  /** @returns whether to try again */
  #recover(error: unknown): boolean {
    const { events, group, member } = this.#options;
    const type = errorType(error);
    if (type === "REBALANCE_IN_PROGRESS") return true;
    if (type === "FENCED_INSTANCE_ID") {
      this.#fenced(
        new AppError("fenced", `another process joined the group ${group} as ${member}`, {
          cause: error,
        }),
      );
      return false;
    }
    if (GONE.has(type)) this.#lose();
    else if (type === "" || MOVED.has(type)) this.#forgetCoordinator();
    else if (HOPELESS.has(type) && !this.#failedOnce) {
      this.#failedOnce = true;
      events.failed(kafkaAppError(error));
    }
    return true;
  }

  #fenced(error: AppError): void {
    this.#state = "stopped";
    this.#heartbeat.stop();
    this.#lose();
    this.#wake?.();
    this.#options.events.failed(error);
  }

  #lose(): void {
    this.#memberId = "";
    this.#generation = -1;
    this.#options.events.lost();
  }

  async #beat(): Promise<"member" | "gone" | "unclear"> {
    const { joining, generation, memberId } = this.#session();
    if (memberId === "") return "gone";
    try {
      await this.#requests.beat(await this.#coordinator(), { memberId, generation });
      return "member";
    } catch (error) {
      const type = errorType(error);
      if (type === "REBALANCE_IN_PROGRESS") {
        if (!this.#joining) this.rejoin();
        return "member";
      }
      const now = this.#session();
      // A round that ended meanwhile answers for itself.
      if (joining || now.joining || now.generation !== generation) return "unclear";
      if (GONE.has(type)) {
        this.#lose();
        this.rejoin();
        return "gone";
      }
      if (type === "FENCED_INSTANCE_ID") {
        this.#recover(error);
        return "gone";
      }
      if (type === "" || MOVED.has(type)) this.#forgetCoordinator();
      return "unclear";
    }
  }

  #session(): { joining: boolean; generation: number; memberId: string } {
    return { joining: this.#joining, generation: this.#generation, memberId: this.#memberId };
  }

  #coordinator(): Promise<number> {
    if (this.#node === undefined) {
      const finding = findCoordinator(this.#options.brokers, this.#options.group);
      this.#node = finding;
      finding.catch(() => {
        if (this.#node === finding) this.#node = undefined;
      });
    }
    return this.#node;
  }

  #forgetCoordinator(): void {
    this.#node = undefined;
  }

  #sleep(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#wake = resolve;
      this.#retry = this.#options.clock.after(ms, resolve);
    });
  }
}
