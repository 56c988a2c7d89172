import type { Clock, Timer } from "../../ports/clock.ts";
import type { Telemetry } from "../../ports/telemetry.ts";

const PROBE_MS = 20;
const DELAY_BUCKETS = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5];
const MICROS = 1e6;

/**
 * What an operator asks of any process. prom-client's default metrics were tried and left out: on
 * Bun its garbage collector and handle metrics are empty, and its event-loop quantiles are those
 * of the whole life of the process, where a histogram can be read over any span.
 *
 * @returns what stops it
 */
export function watchProcess(telemetry: Telemetry, clock: Clock): Timer {
  telemetry.gauge(
    { name: "process_resident_memory_bytes", help: "Memory of the process that is in RAM" },
    () => process.memoryUsage.rss(),
  );
  // Once, since a difference of two clocks would seem to be a restart whenever it wavers.
  const started = Math.floor(clock.now() / 1000 - process.uptime());
  telemetry.gauge(
    { name: "process_start_time_seconds", help: "When the process started, since 1970" },
    () => started,
  );
  const cpu = telemetry.counter({
    name: "process_cpu_seconds_total",
    help: "Processor time spent, user and system",
  });
  const delay = telemetry.histogram({
    name: "tidegate_event_loop_delay_seconds",
    help: "How much later than due a timer of 20 ms fires",
    buckets: DELAY_BUCKETS,
  });
  let due = clock.monotonic() + PROBE_MS;
  return clock.every(PROBE_MS, () => {
    const now = clock.monotonic();
    delay.observe(Math.max(0, now - due) / 1000);
    due = now + PROBE_MS;
    const { user, system } = process.cpuUsage();
    cpu.value = (user + system) / MICROS;
  });
}
