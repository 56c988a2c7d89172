import type { AppError } from "../../errors.ts";
import type { Partitions } from "../../policy/sticky-assignment.ts";

/** What a membership tells the consumer that it belongs to. */
export interface MembershipEvents {
  /** Partitions that are this member's from now on; what it holds besides, it is to let go. */
  assigned(target: Partitions): void;
  /** The group counts this member as gone: all it held may be another's already. */
  lost(): void;
  /** It cannot be a member, or not under this name. */
  failed(error: AppError): void;
  /** What is held right now, including what is about to be let go. */
  held(): Partitions;
}

/** A place in a consumer group, by whichever protocol. */
export interface Membership {
  start(): void;
  /** The topics that are read, or what is known of them, changed. */
  topicsChanged(): void;
  /** Something that was to be let go is free now. */
  released(): void;
  /** Monotonic ms at which the last request was sent that the coordinator answered as to a member. */
  readonly provenAt: number;
  /** Whether the coordinator counts this as a member, asked anew; waits while none answers. */
  check(): Promise<boolean>;
  /** @throws log_unavailable after some tries */
  commit(offsets: ReadonlyMap<string, ReadonlyMap<number, number>>): Promise<void>;
  /** Takes no more partitions; stays a member until `leave`. */
  settle(): void;
  /** Tells the coordinator, so that others get the partitions at once. Bounded in time. */
  leave(): Promise<void>;
}
