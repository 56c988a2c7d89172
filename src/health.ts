import type { HealthReply } from "./wire/http.ts";

/** Says what is missing, or undefined when nothing is. MUST be cheap: it reads known state. */
export type Check = () => string | undefined;

/**
 * Whether this process should get traffic. Live means only that it answers: a part that is away is
 * no reason to restart the process, which would not bring it back.
 */
export class Health {
  readonly #checks = new Map<string, Check>();
  #draining = false;

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

  ready(): HealthReply {
    const results = [...this.#checks].map(([name, check]) => [name, run(check)] as const);
    const isReady = results.every(([, result]) => result === "ok");
    const status = this.#draining ? "draining" : isReady ? "ready" : "not_ready";
    return { status, checks: Object.fromEntries(results) };
  }
}

function run(check: Check): string {
  try {
    return check() ?? "ok";
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}
