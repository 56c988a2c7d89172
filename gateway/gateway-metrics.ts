import { CLOSE_TABLE, type CloseReason } from "../src/close-codes.ts";
import type { Counter, Telemetry } from "../src/ports/telemetry.ts";

/** What a gateway shows of itself, read at each scrape. */
export interface GatewayGauges {
  readonly connections: () => number;
  readonly unauthenticated: () => number;
  /** Characters that wait for sockets. */
  readonly outboundChars: () => number;
  /** Characters that wait for the log. */
  readonly appendChars: () => number;
  /** Characters that may. */
  readonly appendWindowChars: () => number;
}

export function showGateway(telemetry: Telemetry, gauges: GatewayGauges): void {
  const gauge = (name: string, help: string, read: () => number): void =>
    telemetry.gauge({ name: `tidegate_${name}`, help }, read);
  gauge("connections", "Open sockets", gauges.connections);
  gauge(
    "connections_unauthenticated",
    "Open sockets that have not authenticated",
    gauges.unauthenticated,
  );
  gauge(
    "outbound_waiting_characters",
    "Characters that wait for sockets that are full",
    gauges.outboundChars,
  );
  gauge("append_pending_characters", "Characters that wait for the log", gauges.appendChars);
  gauge(
    "append_window_characters",
    "Characters that may wait for the log; less while it is slow",
    gauges.appendWindowChars,
  );
}

/** One for each reason there is, from the start: a counter that is not there yet cannot be watched. */
export function closeCounters(telemetry: Telemetry): Readonly<Record<CloseReason, Counter>> {
  const counters: Partial<Record<CloseReason, Counter>> = {};
  for (const reason of Object.keys(CLOSE_TABLE) as CloseReason[]) {
    counters[reason] = telemetry.counter({
      name: "tidegate_closes_total",
      help: "Sockets closed by the server, by reason",
      labels: { reason },
    });
  }
  return counters as Record<CloseReason, Counter>;
}
