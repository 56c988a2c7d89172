import { type ProcessSize, processSizes } from "../cluster/usage.ts";
import type { Figures } from "../result.ts";
import { type Point, slopePerHour } from "../slope.ts";
import { type Load, runLoad } from "./load.ts";
import { openStage, type StageOptions } from "./stage.ts";

/** Half of what batched frames are to reach. */
const RATE = 50_000;
const MINUTES = 30;
const SAMPLE_MS = 5_000;
const QUICK_SAMPLE_MS = 500;
/** Beginning of the run that says nothing: heaps and pools find their size. */
const SKIPPED_SHARE = 1 / 3;
/** The disks of one machine hold the log of half an hour only when it forgets. */
const LOG_BYTES = 1024 ** 3;

interface Sample {
  readonly seconds: number;
  readonly sizes: readonly ProcessSize[];
}

/** Half an hour at half load: how memory and descriptors of every process change. */
export async function soakRow(options: StageOptions): Promise<Figures> {
  const settings = { TIDEGATE_RETENTION_BYTES: String(LOG_BYTES), ...options.settings };
  await using stage = await openStage("cluster", { ...options, settings });
  const load: Load = {
    layout: { sockets: 200, roomSize: 2 },
    pace: { kind: "open", rate: RATE, perFrame: 10 },
    warmUpS: 10,
    seconds: MINUTES * 60,
  };
  const samples: Sample[] = [];
  const startedAt = performance.now();
  const timer = setInterval(
    () => {
      const seconds = (performance.now() - startedAt) / 1000;
      samples.push({ seconds, sizes: processSizes() });
    },
    options.isQuick ? QUICK_SAMPLE_MS : SAMPLE_MS,
  );
  let figures: Figures;
  try {
    figures = await runLoad(stage.target, load, options);
  } finally {
    clearInterval(timer);
  }
  const late = samples.slice(Math.floor(samples.length * SKIPPED_SHARE));
  const last = late.slice(-1);
  const anonymous: Pick = ({ anonymous: bytes }) => bytes / 2 ** 20;
  const mapped: Pick = ({ mapped: bytes }) => bytes / 2 ** 20;
  const descriptors: Pick = (size) => size.descriptors;
  // Added up, what Postgres's backends share would count as often as there are backends.
  const largest = { gather: Math.max };
  const sizes = {
    memory_mib: byKind(last, anonymous),
    memory_slope_mib_per_h: byKind(late, anonymous, { join: slopePerHour }),
    mapped_mib: byKind(last, mapped, largest),
    mapped_slope_mib_per_h: byKind(late, mapped, { ...largest, join: slopePerHour }),
    descriptors: byKind(last, descriptors),
    descriptor_slope_per_h: byKind(late, descriptors, { join: slopePerHour }),
  };
  // Half an hour is too long to lose them when the round does not count.
  for (const [name, table] of Object.entries(sizes))
    options.say(`    ${name.replaceAll("_", " ")}: ${shown(table)}`);
  return { ...figures, ...sizes };
}

function shown(table: Readonly<Record<string, number>>): string {
  return Object.entries(table)
    .map(([kind, value]) => `${kind} ${value.toFixed(1)}`)
    .join(", ");
}

type Pick = (size: ProcessSize) => number;

interface Joining {
  /** Of the processes of a kind at one moment; their sum when absent. */
  readonly gather?: (one: number, other: number) => number;
  /** Of the moments; the last one's when absent. */
  readonly join?: (points: readonly Point[]) => number;
}

/** One number for each kind of process out of its samples. */
function byKind(
  samples: readonly Sample[],
  pick: Pick,
  {
    gather = (one, other) => one + other,
    join = (points) => points.at(-1)?.[1] ?? 0,
  }: Joining = {},
): Record<string, number> {
  const kinds = new Map<string, Point[]>();
  for (const { seconds, sizes } of samples) {
    const sums = new Map<string, number>();
    for (const size of sizes) sums.set(size.kind, gather(sums.get(size.kind) ?? 0, pick(size)));
    for (const [kind, sum] of sums) kinds.set(kind, [...(kinds.get(kind) ?? []), [seconds, sum]]);
  }
  return Object.fromEntries([...kinds].map(([kind, points]) => [kind, join(points)]));
}
