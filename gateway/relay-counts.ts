import type { Telemetry } from "../src/ports/telemetry.ts";
import type { RelayCounts } from "./local-conversation.ts";

/** What a relay shows of itself, read at each scrape. */
export interface RelayGauges {
  readonly conversations: () => number;
  readonly heldChars: () => number;
}

export function createRelayCounts(telemetry: Telemetry, gauges: RelayGauges): RelayCounts {
  telemetry.gauge(
    { name: "tidegate_relay_conversations", help: "Conversations with a reader on this gateway" },
    gauges.conversations,
  );
  telemetry.gauge(
    {
      name: "tidegate_relay_held_characters",
      help: "Characters of publications held for readers who catch up",
    },
    gauges.heldChars,
  );
  const counter = (name: string, help: string) =>
    telemetry.counter({ name: `tidegate_relay_${name}_total`, help });
  return {
    delivered: counter("delivered", "Events handed to sockets"),
    gaps: counter("gaps", "Jumps in a conversation's seqs that were filled from the store"),
    late: counter("late", "Publications dropped because the readers had them"),
    demoted: counter("demoted", "Readers that fell behind and went over to the store"),
    diverged: counter("diverged", "Publications with a seq that another record had"),
    pageErrors: counter("page_errors", "Pages of the store that could not be read"),
    holdOverflows: counter(
      "hold_overflows",
      "Times that held publications were dropped for want of room",
    ),
  };
}
