import { clusterUsage, usageShare } from "../cluster/usage.ts";
import type { Text } from "../native/body.ts";
import { Fleet } from "../native/fleet.ts";
import type { Layout } from "../native/generator.ts";
import { Histogram } from "../native/histogram.ts";
import type { Faults } from "../native/ledger.ts";
import type { Target } from "../native/orders.ts";
import type { PaceOptions } from "../native/pace.ts";
import { Bystanders } from "../process-usage.ts";
import type { Figures } from "../result.ts";
import { quantiles } from "../trial.ts";

/** A load, whoever it goes to. */
export interface Load {
  readonly layout: Layout;
  readonly pace: PaceOptions;
  /** Before anything is measured: the generator's compiler, and this load's own paths in the server. */
  readonly warmUpS: number;
  readonly seconds: number;
  /** Share of the sockets that reconnect every second. */
  readonly churn?: number;
  /** What messages are made of; mixed when absent. */
  readonly text?: Text;
  /** Generators that share the load; 1 when absent. */
  readonly processes?: number;
}

/** How much of everything is run. */
export interface Extent {
  readonly isQuick: boolean;
}

const QUICK_WARM_UP_S = 2;
const QUICK_S = 3;

/** Runs a load from fresh clients to the last delivery. The generator is ready for more after it. */
export async function runLoad(target: Target, load: Load, extent: Extent): Promise<Figures> {
  await using fleet = await Fleet.start(target, load.processes, load.text);
  await fleet.connect(load.layout);
  await fleet.start(load.pace);
  if (load.churn !== undefined) await fleet.churn(load.churn);
  const warmUpS = extent.isQuick ? Math.min(QUICK_WARM_UP_S, load.warmUpS) : load.warmUpS;
  await fleet.measure(warmUpS * 1000);
  const before = clusterUsage();
  const bystanders = new Bystanders([]);
  const measured = await fleet.measure((extent.isQuick ? QUICK_S : load.seconds) * 1000);
  const machinePercent = bystanders.percent();
  const cpu = usageShare(before, clusterUsage());
  const settled = await fleet.settle();
  const { faults, durabilities, refusals, reconnects } = settled;
  const deliveryTimes = Histogram.merge([settled.deliveryTimes]);
  const known = Object.values(cpu).reduce((sum, share) => sum + share, 0);
  const perMessage = (percent: number): number | undefined =>
    measured.acked === 0 ? undefined : (percent * 10_000 * measured.seconds) / measured.acked;
  return {
    acked_per_s: measured.acked / measured.seconds,
    delivered_per_s: target.protocol === "echo" ? undefined : measured.delivered / measured.seconds,
    ...(deliveryTimes.total === 0 ? {} : quantiles("", deliveryTimes)),
    ...quantiles("receipt_", Histogram.merge([settled.receiptTimes])),
    ...faults,
    // Below 1 in a closed loop: receipts came faster than deliveries, which a backlog hides at first.
    delivered_share:
      target.protocol === "echo" || measured.acked === 0
        ? undefined
        : measured.delivered / (measured.acked * load.layout.roomSize),
    seconds: measured.seconds,
    cpu_percent: cpu,
    cpu_us_per_message: perMessage(known - (cpu["generator"] ?? 0)),
    generator_us_per_message: perMessage(cpu["generator"] ?? 0),
    others_cpu_percent: Math.max(0, machinePercent - known),
    ...(load.churn === undefined ? {} : { reconnects_per_s: reconnects / measured.seconds }),
    ...(refusals.size === 0 ? {} : { refused_with: [...refusals.keys()].join(" ") }),
    ...(durabilities.size === 0 ? {} : { durability: [...durabilities.keys()].join(" ") }),
  };
}

export const FAULT_NAMES: readonly (keyof Faults)[] = [
  "lost",
  "duplicate",
  "reordered",
  "altered",
  "foreign",
  "refused",
];

/** How many messages figures count as lost, doubled, moved, altered, foreign or refused. */
export function faultCount(figures: Figures): number {
  return FAULT_NAMES.reduce((sum, name) => sum + Number(figures[name] ?? 0), 0);
}

export function isFault(name: string): boolean {
  return (FAULT_NAMES as readonly string[]).includes(name);
}
