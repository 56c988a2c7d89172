import type { ConsumerHandler } from "../ports/event-log.ts";

/** One consumer within a group of this process. */
export interface Member {
  readonly name: string;
  readonly handler: ConsumerHandler;
  topics: ReadonlySet<string>;
  /** Monotonic ms at which the session ended; undefined while it lives. */
  endedAt: number | undefined;
}
