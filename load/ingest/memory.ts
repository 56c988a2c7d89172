import { residentBytes } from "../process-usage.ts";
import type { Figures } from "../result.ts";
import { type Point, SECONDS_PER_HOUR, slopePerHour } from "../slope.ts";

const EVERY_MS = 500;

/** A server's resident memory while it reads one stream. */
export class MemoryWatch implements Disposable {
  readonly #pid: number;
  readonly #timer: NodeJS.Timeout;
  readonly #startedAt = performance.now();
  /** In MiB. */
  readonly #samples: Point[] = [];

  constructor(pid: number) {
    this.#pid = pid;
    this.#look();
    this.#timer = setInterval(() => this.#look(), EVERY_MS);
  }

  [Symbol.dispose](): void {
    clearInterval(this.#timer);
  }

  /** @param lines of the stream, which came evenly until now */
  figures(lines: number): Figures {
    const samples = this.#samples;
    // What only warms up does not count as growth.
    const late = samples.slice(Math.floor(samples.length / 5));
    const [lastAt] = samples.at(-1) ?? [0];
    const hoursPerMillion = (lastAt / SECONDS_PER_HOUR / lines) * 1e6;
    return {
      memory_mib_after_tenths: tenths(samples),
      memory_max_mib: Math.max(...samples.map(([, mib]) => mib)),
      memory_slope_mib_per_million_lines: slopePerHour(late) * hoursPerMillion,
    };
  }

  #look(): void {
    const seconds = (performance.now() - this.#startedAt) / 1_000;
    this.#samples.push([seconds, residentBytes(this.#pid).total / 2 ** 20]);
  }
}

/** The highest of each tenth of the samples. */
function tenths(samples: readonly Point[]): Record<string, number> {
  const highest: Record<string, number> = {};
  samples.forEach(([, mib], i) => {
    const tenth = String(Math.floor((i * 10) / samples.length) + 1);
    highest[tenth] = Math.round(Math.max(highest[tenth] ?? 0, mib));
  });
  return highest;
}
