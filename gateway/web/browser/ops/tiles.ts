import { make } from "../dom.ts";
import { count, NOTHING, seconds } from "./format.ts";
import type { Moment } from "./meter.ts";
import { sparkline } from "./plot.ts";
import { quantile } from "./quantile.ts";

export const END_TO_END = "tidegate_message_latency_seconds{written}";

interface Tile {
  readonly id: string;
  readonly label: string;
  readonly unit?: string;
  readonly tone: string;
  value(moment: Moment): number | undefined;
  format(value: number | undefined): string;
  hint?(moment: Moment): string;
  state?(value: number | undefined): string;
}

const rate = (id: string, label: string, name: string, tone: string, hint: string): Tile => ({
  id,
  label,
  unit: "/s",
  tone,
  value: (moment) => moment.rate(name),
  format: count,
  hint: () => hint,
});

const TILES: readonly Tile[] = [
  rate("accepted", "Accepted", "tidegate_sends_accepted_total", "one", "from clients"),
  rate("placed", "Placed", "tidegate_delivery_placed_total", "two-tone", "got a seq"),
  rate("delivered", "Delivered", "tidegate_relay_delivered_total", "three-tone", "to sockets"),
  {
    id: "latency",
    label: "End to end, p99",
    tone: "two-tone",
    value(moment) {
      const recent = moment.recent(END_TO_END);
      return recent && quantile(recent, 0.99);
    },
    format: seconds,
    hint(moment) {
      const recent = moment.recent(END_TO_END);
      const median = recent && quantile(recent, 0.5);
      return median === undefined ? "nothing delivered lately" : `p50 ${seconds(median)}`;
    },
    state: (value) => (value === undefined || value < 0.1 ? "" : value < 0.5 ? "warn" : "bad"),
  },
  {
    id: "sockets",
    label: "Sockets",
    tone: "one",
    value: (moment) => moment.level("tidegate_connections"),
    format: count,
    hint: (moment) => `conversations read: ${count(moment.level("tidegate_relay_conversations"))}`,
  },
  {
    id: "lag",
    label: "Lag",
    unit: "records",
    tone: "three-tone",
    value: (moment) => moment.level("tidegate_pool_lag_records"),
    format: count,
    hint: (moment) => `${count(moment.level("tidegate_delivery_tail_events"))} not stored yet`,
    state: (value) => ((value ?? 0) < 10_000 ? "" : (value ?? 0) < 100_000 ? "warn" : "bad"),
  },
  {
    id: "outbox",
    label: "Outbox",
    unit: "rows",
    tone: "three-tone",
    value: (moment) => moment.level("tidegate_outbox_depth"),
    format: count,
    hint: (moment) =>
      moment.level("tidegate_outbox_depth") === undefined
        ? "no outbox here"
        : `${count(moment.level("tidegate_outbox_parked"))} parked`,
    state: (value) => ((value ?? 0) > 0 ? "warn" : ""),
  },
  {
    id: "failed",
    label: "Refused and failed",
    unit: "/s",
    tone: "three-tone",
    value(moment) {
      const [failed, refused] = ["sends_failed_total", "delivery_refused_total"].map((name) =>
        moment.rate(`tidegate_${name}`),
      );
      return failed === undefined && refused === undefined
        ? undefined
        : (failed ?? 0) + (refused ?? 0);
    },
    format: count,
    hint: (moment) => `${count(moment.rate("tidegate_sends_rate_limited_total"))} /s rate limited`,
    state: (value) => ((value ?? 0) > 0 ? "warn" : ""),
  },
];

/** The numbers at the top, each with its last minutes. */
export function tiles(moments: readonly Moment[]): HTMLElement[] {
  const now = moments.at(-1);
  return TILES.map((tile) => {
    const value = now === undefined ? undefined : tile.value(now);
    const shown = make("div", "value", tile.format(value));
    if (tile.unit !== undefined && value !== undefined) shown.append(make("small", "", tile.unit));
    const hint = now === undefined ? NOTHING : (tile.hint?.(now) ?? "");
    const element = make(
      "div",
      `tile ${tile.state?.(value) ?? ""}`,
      make("span", "label", tile.label),
      shown,
      make("span", "hint", hint),
    );
    element.id = `tile-${tile.id}`;
    element.append(
      sparkline(
        moments.map((moment) => tile.value(moment)),
        tile.tone,
      ),
    );
    return element;
  });
}
