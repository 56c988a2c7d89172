import { AppError } from "../errors.ts";
import { CircuitBreaker } from "../policy/circuit-breaker.ts";
import type { Clock } from "../ports/clock.ts";

/** Stands for whichever broker tells who leads a partition. */
export const ANY_BROKER = -1;

/**
 * Failures of one broker count once in so many ms: an append is tried many times within its limit,
 * and a leader that moves in less than that is no reason to fail what could wait for it.
 */
const FAILURE_MS = 250;

/** A circuit for each broker, so that one that is away is not asked again and again. */
export class BrokerCircuits {
  readonly #clock: Pick<Clock, "monotonic">;
  readonly #circuits = new Map<number, CircuitBreaker>();
  readonly #failedAt = new Map<number, number>();

  constructor(clock: Pick<Clock, "monotonic">) {
    this.#clock = clock;
  }

  /** Brokers that are left alone for a while. */
  get open(): number {
    return [...this.#circuits.values()].filter(({ state }) => state !== "closed").length;
  }

  /** Whether the broker fails too often to be asked as usual. */
  isAway(broker: number): boolean {
    const circuit = this.#circuits.get(broker);
    return circuit !== undefined && circuit.state !== "closed";
  }

  /** Whether the broker is just being tried, so that it will soon be known whether it is back. */
  isTried(broker: number): boolean {
    return this.#circuits.get(broker)?.state === "half_open";
  }

  /** Forgets the faults of brokers that left the cluster: one that comes back is like a new one. */
  keep(brokers: Pick<ReadonlyMap<number, unknown>, "has">): void {
    for (const broker of this.#circuits.keys()) {
      if (broker === ANY_BROKER || brokers.has(broker)) continue;
      this.#circuits.delete(broker);
      this.#failedAt.delete(broker);
    }
  }

  /** @returns why the broker is not to be asked now; undefined when it may be */
  refusal(broker: number): AppError | undefined {
    if (this.#of(broker).admit(this.#clock.monotonic())) return undefined;
    const what = broker === ANY_BROKER ? "The cluster" : `Broker ${broker}`;
    return new AppError(
      "log_unavailable",
      `${what} failed too often and is left alone for a while`,
    );
  }

  succeeded(broker: number): void {
    this.#of(broker).succeeded(this.#clock.monotonic());
  }

  failed(broker: number): void {
    const now = this.#clock.monotonic();
    const circuit = this.#of(broker);
    const last = this.#failedAt.get(broker) ?? Number.NEGATIVE_INFINITY;
    if (circuit.state === "closed" && now - last < FAILURE_MS) return;
    this.#failedAt.set(broker, now);
    circuit.failed(now);
  }

  #of(broker: number): CircuitBreaker {
    let circuit = this.#circuits.get(broker);
    if (circuit === undefined) this.#circuits.set(broker, (circuit = new CircuitBreaker()));
    return circuit;
  }
}
