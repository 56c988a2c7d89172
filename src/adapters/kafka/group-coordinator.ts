import type { API } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";
import { kafkaAppError } from "../../kafka/error.ts";
import type { Cluster } from "./consumer-cluster.ts";
import type { BrokerLink } from "./consumer-link.ts";

/** Kafka's error codes that concern groups. */
export const GROUP_CODES = {
  none: 0,
  offsetsLoading: 14,
  coordinatorAway: 15,
  notCoordinator: 16,
  illegalGeneration: 22,
  inconsistentProtocol: 23,
  unknownMember: 25,
  invalidSession: 26,
  rebalancing: 27,
  topicDenied: 29,
  groupDenied: 30,
  unsupportedVersion: 35,
  invalidRequest: 42,
  memberIdRequired: 79,
  groupFull: 81,
  fencedInstance: 82,
  fencedEpoch: 110,
  unreleasedInstance: 111,
  unsupportedAssignor: 112,
  staleEpoch: 113,
} as const;

const MOVED: ReadonlySet<number> = new Set([
  GROUP_CODES.offsetsLoading,
  GROUP_CODES.coordinatorAway,
  GROUP_CODES.notCoordinator,
]);

/** Codes that no later try mends by itself. */
const HOPELESS: ReadonlyMap<number, string> = new Map([
  [GROUP_CODES.inconsistentProtocol, "its members use another assignor or protocol"],
  [GROUP_CODES.invalidSession, "the broker does not take the session timeout"],
  [GROUP_CODES.groupDenied, "the user lacks the ACL (Read on the group)"],
  [GROUP_CODES.unsupportedVersion, "the broker does not know this group protocol"],
  [GROUP_CODES.invalidRequest, "the broker does not take the request"],
  [GROUP_CODES.groupFull, "the group has as many members as the broker allows"],
  [GROUP_CODES.unsupportedAssignor, "the broker does not know the assignor"],
  [GROUP_CODES.topicDenied, "the user lacks the ACL (Read on the topic)"],
]);

export function isHopeless(code: number): boolean {
  return HOPELESS.has(code);
}

/** The error for a code that {@link isHopeless}. */
export function hopelessError(group: string, code: number): AppError {
  return new AppError(
    "log_unavailable",
    `the group ${group} cannot be joined: ${HOPELESS.get(code)} (code ${code})`,
  );
}

export function fencedError(group: string, member: string): AppError {
  return new AppError(
    "fenced",
    `another process joined the group ${group} under the name ${member}: every member needs a name of its own`,
  );
}

export interface CoordinatorOptions {
  readonly cluster: Cluster;
  readonly group: string;
  /** For what the coordinator answers at once. */
  readonly answerTimeoutMs: number;
  /** For what waits for other members. */
  readonly joinTimeoutMs: number;
}

type Lane = "answers" | "joins";

/**
 * The broker that keeps a group. Found at the first need and again when it moved, went away or hangs.
 * Joining has a connection of its own: a broker answers a connection's requests in turn, and a join
 * waits for other members while heartbeats must go on.
 */
export class GroupCoordinator {
  readonly #options: CoordinatorOptions;
  #links: Promise<Record<Lane, BrokerLink>> | undefined;
  #current: Record<Lane, BrokerLink> | undefined;
  #closed = false;

  constructor(options: CoordinatorOptions) {
    this.#options = options;
  }

  /**
   * Asks the coordinator.
   * @throws AppError when it does not answer; the next call looks for it anew
   */
  async call<A extends unknown[], R>(lane: Lane, api: API<A, R>, ...args: A): Promise<R> {
    if (this.#closed) throw new AppError("closed", "The consumer is closed");
    this.#links ??= this.#find();
    const finding = this.#links;
    try {
      const links = await finding;
      return await links[lane].call(api, ...args);
    } catch (error) {
      if (this.#links === finding) this.moved();
      throw kafkaAppError(error);
    }
  }

  /** Whether the code says that the coordinator is elsewhere or not ready; it is found anew then. */
  isMoved(code: number): boolean {
    if (!MOVED.has(code)) return false;
    if (code !== GROUP_CODES.offsetsLoading) this.moved();
    return true;
  }

  /** Forgets where it is; what is pending there fails, so that nobody waits for a dead broker. */
  moved(): void {
    const links = this.#current;
    this.#links = undefined;
    this.#current = undefined;
    if (links === undefined) return;
    this.#options.cluster.drop(links.answers);
    this.#options.cluster.drop(links.joins);
  }

  close(): void {
    this.#closed = true;
    this.moved();
  }

  async #find(): Promise<Record<Lane, BrokerLink>> {
    const { cluster, group, answerTimeoutMs, joinTimeoutMs } = this.#options;
    const broker = await cluster.coordinator(group);
    if (this.#closed) throw new AppError("closed", "The consumer is closed");
    const links = {
      answers: cluster.linkTo(broker, answerTimeoutMs),
      joins: cluster.linkTo(broker, joinTimeoutMs),
    };
    this.#current = links;
    return links;
  }
}
