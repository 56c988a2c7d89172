import { clusterUsage, usageShare } from "../cluster/usage.ts";
import type { Text } from "../native/body.ts";
import { Fleet } from "../native/fleet.ts";
import type { Layout, Measured } from "../native/generator.ts";
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
/** Kinds of processes that are there for the measurement alone. */
const MEASURING = ["generator", "collector"];

/** What happened in one stretch of a load, and what it took. */
export interface Stretch extends Measured {
  /** Percent of one core by kind of process. */
  readonly cpu: Readonly<Record<string, number>>;
  /** Percent of one core that the whole machine used. */
  readonly machinePercent: number;
}

/** Runs a load from fresh clients to the last delivery. The generator is ready for more after it. */
export async function runLoad(target: Target, load: Load, extent: Extent): Promise<Figures> {
  await using running = await RunningLoad.start(target, load, extent);
  return await running.end(await running.measure(load.seconds));
}

/** A load that is warm and goes on, to be measured for as often and as long as somebody wants. */
export class RunningLoad implements AsyncDisposable {
  readonly #fleet: Fleet;
  readonly #target: Target;
  readonly #load: Load;
  readonly #extent: Extent;

  private constructor(fleet: Fleet, target: Target, load: Load, extent: Extent) {
    this.#fleet = fleet;
    this.#target = target;
    this.#load = load;
    this.#extent = extent;
  }

  static async start(target: Target, load: Load, extent: Extent): Promise<RunningLoad> {
    const fleet = await Fleet.start(target, load.processes, load.text);
    try {
      await fleet.connect(load.layout);
      await fleet.start(load.pace);
      if (load.churn !== undefined) await fleet.churn(load.churn);
      const warmUpS = extent.isQuick ? Math.min(QUICK_WARM_UP_S, load.warmUpS) : load.warmUpS;
      await fleet.measure(warmUpS * 1000);
      return new RunningLoad(fleet, target, load, extent);
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Lets it run on for so many seconds. */
  async measure(seconds: number): Promise<Stretch> {
    const before = clusterUsage();
    const bystanders = new Bystanders([]);
    const wanted = this.#extent.isQuick ? Math.min(QUICK_S, seconds) : seconds;
    const measured = await this.#fleet.measure(wanted * 1000);
    const machinePercent = bystanders.percent();
    return { ...measured, cpu: usageShare(before, clusterUsage()), machinePercent };
  }

  /**
   * Ends it after the last delivery.
   * @returns the stretch with the faults since the start and the times since the last measuring began
   */
  async end(stretch: Stretch): Promise<Figures> {
    const target = this.#target;
    const { layout, churn } = this.#load;
    const { acked, delivered, seconds } = stretch;
    const settled = await this.#fleet.settle();
    const { faults, durabilities, refusals, reconnects } = settled;
    const deliveryTimes = Histogram.merge([settled.deliveryTimes]);
    return {
      ...(deliveryTimes.total === 0 ? {} : quantiles("", deliveryTimes)),
      ...quantiles("receipt_", Histogram.merge([settled.receiptTimes])),
      ...faults,
      // Below 1 in a closed loop: receipts came faster than deliveries, which a backlog hides at first.
      delivered_share:
        target.protocol === "echo" || acked === 0
          ? undefined
          : delivered / (acked * layout.roomSize),
      ...stretchFigures(stretch),
      ...(target.protocol === "echo" ? { delivered_per_s: undefined } : {}),
      ...(churn === undefined ? {} : { reconnects_per_s: reconnects / seconds }),
      ...(refusals.size === 0 ? {} : { refused_with: [...refusals.keys()].join(" ") }),
      ...(durabilities.size === 0 ? {} : { durability: [...durabilities.keys()].join(" ") }),
    };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#fleet[Symbol.asyncDispose]();
  }
}

/** What can be said of a stretch while its load runs on. */
export function stretchFigures(stretch: Stretch): Figures {
  const { acked, delivered, seconds, cpu, machinePercent } = stretch;
  const perMessage = (percent: number): number | undefined =>
    acked === 0 ? undefined : (percent * 10_000 * seconds) / acked;
  const known = Object.values(cpu).reduce((total, share) => total + share, 0);
  const measuring = MEASURING.reduce((total, kind) => total + (cpu[kind] ?? 0), 0);
  return {
    acked_per_s: acked / seconds,
    delivered_per_s: delivered / seconds,
    seconds,
    cpu_percent: cpu,
    cpu_us_per_message: perMessage(known - measuring),
    generator_us_per_message: perMessage(cpu["generator"] ?? 0),
    others_cpu_percent: Math.max(0, machinePercent - known),
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
