import type { Limits } from "../../src/limits.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Digest } from "../../src/ports/digest.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { Counter, Telemetry } from "../../src/ports/telemetry.ts";
import type { TenantCatalog } from "../../src/ports/tenant-catalog.ts";
import type { Gateway } from "../gateway.ts";
import type { IngestBudget } from "./budget.ts";
import type { EventTopics } from "./event-topics.ts";

export interface IngestOptions {
  readonly gateway: Gateway;
  readonly log: EventLog;
  readonly catalog: Pick<TenantCatalog, "serves">;
  readonly clock: Clock;
  readonly digest: Digest;
  readonly limits: Limits;
  readonly telemetry: Telemetry;
  /** Name of this gateway in the records' metadata. */
  readonly source: string;
  /** Of event topics that are made here, if that is less than what the catalog says. */
  readonly partitionsMax: number;
}

/** What every body needs of its gateway. */
export interface IngestParts extends Omit<IngestOptions, "telemetry" | "partitionsMax"> {
  readonly topics: EventTopics;
  readonly budget: IngestBudget;
  /** Events that are not chat's, in the log. */
  readonly published: Counter;
  readonly refused: Counter;
}
