import type { HealthReply } from "./wire/http.ts";

/** Says what is missing, or undefined when nothing is. MUST be cheap: it reads known state. */
export type Check = () => string | undefined;

/**
 * Whether this process should get traffic. Live means only that it answers: a part that is away is
 * no reason to restart the process, which would not bring it back.
 */
export class Health {
  readonly #checks = new Map<string, Check>();
  readonly #neededAtFirst: ReadonlySet<string>;
  #wasReady = false;
  #draining = false;

  /**
   * @param neededAtFirst parts that the process can do without once all were there: from then on
   *   their absence is told, and it stays ready
   */
  constructor(neededAtFirst: readonly string[] = []) {
    this.#neededAtFirst = new Set(neededAtFirst);
  }

  /** Adds a part that must be there for the process to be ready; the last one of a name counts. */
  add(name: string, check: Check): void {
    this.#checks.set(name, check);
  }

  /** From now on the process is not ready, so that load balancers send new clients elsewhere. */
  drain(): void {
    this.#draining = true;
  }

  get draining(): boolean {
    return this.#draining;
  }

  live(): HealthReply {
    return { status: "live", checks: {} };
  }

  /** MUST be called now and then: only so it is known that all were there once. */
  ready(): HealthReply {
    const faults = [...this.#checks].map(([name, check]) => [name, run(check)] as const);
    this.#wasReady ||= faults.every(([, fault]) => fault === undefined);
    const checks: Record<string, string> = {};
    let isReady = true;
    for (const [name, fault] of faults) {
      const isDegraded = this.#wasReady && this.#neededAtFirst.has(name);
      checks[name] = fault === undefined ? "ok" : isDegraded ? `degraded: ${fault}` : fault;
      if (fault !== undefined && !isDegraded) isReady = false;
    }
    const status = this.#draining ? "draining" : isReady ? "ready" : "not_ready";
    return { status, checks };
  }
}

function run(check: Check): string | undefined {
  try {
    return check();
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
