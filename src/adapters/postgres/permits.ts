import { AppError } from "../../errors.ts";

interface Waiting {
  readonly resolve: (release: () => void) => void;
  readonly reject: (error: AppError) => void;
  readonly timer: ReturnType<typeof setTimeout>;
}

/** A bounded number of turns, with a bounded line of those who wait for one, oldest first. */
export class Permits {
  readonly timeoutMs: number;
  readonly #max: number;
  readonly #waitingMax: number;
  readonly #line = new Set<Waiting>();
  #taken = 0;

  constructor(max: number, waitingMax: number, timeoutMs: number) {
    this.#max = max;
    this.#waitingMax = waitingMax;
    this.timeoutMs = timeoutMs;
  }

  get taken(): number {
    return this.#taken;
  }

  get waiting(): number {
    return this.#line.size;
  }

  /**
   * @returns what gives the turn back; to be called once
   * @throws store_unavailable: the line is full, or no turn came in time
   */
  take(): Promise<() => void> {
    if (this.#taken < this.#max) {
      this.#taken++;
      return Promise.resolve(() => this.#release());
    }
    if (this.#line.size >= this.#waitingMax)
      return Promise.reject(
        new AppError("store_unavailable", "Too many requests wait for a database connection"),
      );
    return new Promise((resolve, reject) => {
      const timer = setTimeout(() => {
        this.#line.delete(waiting);
        reject(new AppError("store_unavailable", "No database connection became free in time"));
      }, this.timeoutMs);
      const waiting: Waiting = { resolve, reject, timer };
      this.#line.add(waiting);
    });
  }

  #release(): void {
    const [next] = this.#line;
    if (next === undefined) {
      this.#taken--;
      return;
    }
    this.#line.delete(next);
    clearTimeout(next.timer);
    next.resolve(() => this.#release());
  }
}
