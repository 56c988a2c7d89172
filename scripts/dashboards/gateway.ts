import type { Dashboard } from "./dashboard.ts";
import { gauge, quantile, quantiles, rate, share } from "./query.ts";

const REQUESTS = "tidegate_http_requests_total";
/** Not by probes. */
const ASKED = 'route!~"health|metrics"';

export const gateway: Dashboard = {
  name: "gateway",
  title: "gateways",
  about: "Sockets, sends, live delivery and what waits, by gateway.",
  instancesOf: "tidegate_connections",
  rows: [
    {
      title: "Sockets",
      panels: [
        {
          title: "Open sockets",
          about: "Of each gateway; it refuses more than 200,000",
          unit: "short",
          queries: [[gauge("sum", "tidegate_connections", "instance"), "{{instance}}"]],
        },
        {
          title: "Not authenticated",
          about: "Open sockets that have not said who they are",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_connections_unauthenticated", "instance"), "{{instance}}"],
          ],
        },
        {
          title: "Closed by the server",
          about: "A second, by reason; docs/reference/close-codes.md has them all",
          unit: "ops",
          queries: [[`${rate("tidegate_closes_total", "reason")} > 0`, "{{reason}}"]],
        },
      ],
    },
    {
      title: "Sends",
      panels: [
        {
          title: "Taken",
          about: "Messages handed to the log, a second",
          unit: "mps",
          queries: [[rate("tidegate_sends_accepted_total", "instance"), "{{instance}}"]],
        },
        {
          title: "Time to the log",
          about: "From taking a message to the log's having it (acks=all, or a flush to disk)",
          unit: "s",
          queries: quantiles("tidegate_message_latency_seconds", 'stage="appended"'),
        },
        {
          title: "Failed",
          about: "A second, for no fault of the sender, by code (docs/reference/errors.md)",
          unit: "mps",
          queries: [[rate("tidegate_sends_failed_total", "code"), "{{code}}"]],
        },
        {
          title: "Waiting for the log",
          about:
            "Characters; sends are refused as overloaded beyond the window, which is 64 Mi, and less while the log is slow",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_append_pending_characters", "instance"), "{{instance}}"],
            [gauge("sum", "tidegate_append_window_characters", "instance"), "window {{instance}}"],
          ],
        },
        {
          title: "Held for deliveries",
          about:
            "Partitions whose appends wait, on average: sends come faster than what was sent is delivered",
          unit: "short",
          queries: [[rate("tidegate_appends_held_seconds_total", "instance"), "{{instance}}"]],
        },
        {
          title: "Held for the log",
          about:
            "Share of the time in which what clients send waits to be taken in: the log has enough before it",
          unit: "percentunit",
          queries: [[rate("tidegate_intake_held_seconds_total", "instance"), "{{instance}}"]],
        },
        {
          title: "Kept in the outbox",
          about: "A second: acked out of Postgres, and taken by nobody in time",
          unit: "mps",
          queries: [
            [rate("tidegate_sends_kept_total"), "kept"],
            [rate("tidegate_sends_unkept_total"), "not kept"],
          ],
        },
        {
          title: "Rows in the outbox",
          about: "Of each gateway, at most; it refuses sends beyond 250,000",
          unit: "short",
          queries: [[gauge("max", "tidegate_outbox_own_rows", "instance"), "{{instance}}"]],
        },
        {
          title: "Partitions not sent to Kafka",
          about: "Diverted into the outbox, and those whose circuit is not closed",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_partitions_diverted"), "diverted"],
            [gauge("sum", "tidegate_partition_circuits_open"), "circuit not closed"],
          ],
        },
      ],
    },
    {
      title: "Live delivery",
      panels: [
        {
          title: "Delivered",
          about: "Events handed to sockets, a second",
          unit: "mps",
          queries: [[rate("tidegate_relay_delivered_total", "instance"), "{{instance}}"]],
        },
        {
          title: "Written to sockets",
          about: "Age of live messages when they are written",
          unit: "s",
          thresholds: [0.1, 0.5],
          queries: quantiles("tidegate_message_latency_seconds", 'stage="written"'),
        },
        {
          title: "Mended",
          about:
            "A second: jumps filled from the store, publications that came twice, readers demoted",
          unit: "ops",
          queries: [
            [rate("tidegate_relay_gaps_total"), "gaps filled"],
            [rate("tidegate_relay_late_total"), "duplicates dropped"],
            [rate("tidegate_relay_demoted_total"), "readers demoted"],
            [rate("tidegate_relay_hold_overflows_total"), "holds dropped"],
          ],
        },
        {
          title: "Waiting for sockets",
          about: "Characters for sockets that are full, and held for readers who catch up",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_outbound_waiting_characters"), "full sockets"],
            [gauge("sum", "tidegate_relay_held_characters"), "held"],
          ],
        },
        {
          title: "Conversations with readers",
          about: "On each gateway",
          unit: "short",
          queries: [[gauge("sum", "tidegate_relay_conversations", "instance"), "{{instance}}"]],
        },
        {
          title: "Read from the store",
          about: "Partitions without beats over Redis, and events that came that way, a second",
          unit: "short",
          queries: [
            [gauge("sum", "tidegate_relay_tailed_partitions"), "partitions"],
            [rate("tidegate_relay_tailed_events_total"), "events/s"],
          ],
        },
      ],
    },
    {
      title: "HTTP",
      panels: [
        {
          title: "Requests",
          about: "A second, by route and class of status",
          unit: "reqps",
          queries: [
            [rate("tidegate_http_requests_total", "route, status"), "{{route}} {{status}}"],
          ],
        },
        {
          title: "Failed requests",
          about:
            "Part of the requests that are answered with 500 or more, health and metrics left out",
          unit: "percentunit",
          thresholds: [0.005, 0.01],
          queries: [
            [
              share(rate(REQUESTS, "", `status="5xx",${ASKED}`), rate(REQUESTS, "", ASKED)),
              "failed",
            ],
          ],
        },
        {
          title: "Time to answer, p99",
          about: "By route",
          unit: "s",
          thresholds: [0.1, 0.5],
          queries: [
            [
              quantile(
                0.99,
                "tidegate_http_request_seconds",
                'route=~"send|history|ingest"',
                "route",
              ),
              "{{route}}",
            ],
          ],
        },
        {
          title: "In flight",
          about: "Requests that are being answered; 503 beyond 2,000",
          unit: "short",
          queries: [[gauge("sum", "tidegate_http_in_flight_requests", "instance"), "{{instance}}"]],
        },
      ],
    },
  ],
};
