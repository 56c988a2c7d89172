import type { OutboxSighting } from "../../src/adapters/postgres/outbox-search.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { MessageStore } from "../../src/ports/message-store.ts";
import type { Placement, TenantStatus } from "../../src/tenants.ts";

/** A tenant as far as a message's story needs it. */
export interface KnownTenant {
  readonly name: string;
  readonly placement: Placement;
  /** Undefined where tenants have none, as in standalone. */
  readonly status: TenantStatus | undefined;
}

/** Where a message may have left something. */
export interface Evidence extends AsyncDisposable {
  readonly name: "standalone" | "cluster";
  readonly log: Pick<EventLog, "describeTopic" | "range" | "read">;
  readonly store: Pick<MessageStore, "offsets" | "findIds" | "feed" | "heads">;
  readonly tenants: () => Promise<readonly KnownTenant[]>;
  /** Nothing where there is no outbox. */
  readonly outbox: (id: string) => Promise<readonly OutboxSighting[]>;
  /** Ms that stored messages are kept; undefined: for good. */
  readonly keptMs: number | undefined;
}
