import { afterEach } from "bun:test";
import { appendSuite } from "./event-log-append.ts";
import { consumeSuite } from "./event-log-consume.ts";
import { groupSuite } from "./event-log-group.ts";
import { type EventLogHarness, EventLogKit, type EventLogLacks } from "./event-log-kit.ts";
import { retentionSuite } from "./event-log-retention.ts";

/** The MUSTs of the port, one test each; every adapter runs them. */
export function eventLogSuite(
  name: string,
  factory: () => Promise<EventLogHarness>,
  lacks: EventLogLacks = {},
): void {
  const kit = new EventLogKit(name, factory, lacks);
  afterEach(() => kit.dispose());
  appendSuite(kit);
  retentionSuite(kit);
  consumeSuite(kit);
  groupSuite(kit);
}
