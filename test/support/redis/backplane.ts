import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import {
  createRedisBackplane,
  type RedisBackplane,
  type RedisBackplaneOptions,
} from "../../../src/adapters/redis/backplane.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { limitsWith, type Limits } from "../../../src/limits.ts";

export interface RedisProcess extends AsyncDisposable {
  readonly backplane: RedisBackplane;
  readonly telemetry: ReturnType<typeof createMemoryTelemetry>;
}

/** A prefix that nobody else has. */
export function freshPrefix(): string {
  return `test-${crypto.randomUUID().slice(0, 13)}`;
}

/** A process's end of the backplane, gone at the end of the scope. */
export function startRedisProcess(
  options: Pick<RedisBackplaneOptions, "url" | "prefix" | "lanes">,
  limits: Partial<Limits> = {},
): RedisProcess {
  const telemetry = createMemoryTelemetry();
  const backplane = createRedisBackplane({
    ...options,
    clock: createSystemClock(),
    random: createSystemRandom(),
    limits: limitsWith(limits),
    telemetry,
  });
  return { backplane, telemetry, [Symbol.asyncDispose]: () => backplane.close() };
}
