import { TidegateError } from "./errors.ts";
import type { ClientClock, ClientTimer } from "./platform.ts";

export type TokenSource = string | (() => Promise<string>);

const MARGIN_MS_MAX = 60_000;
const MARGIN_SHARE = 0.2;
const TIMER_MS_MAX = 2 ** 31 - 1;

/** Fetches tokens, and says when a live connection needs the next one. */
export class TokenKeeper {
  readonly #source: TokenSource;
  readonly #clock: ClientClock;
  readonly #timeoutMs: number;
  #timer: ClientTimer | undefined;

  constructor(source: TokenSource, clock: ClientClock, timeoutMs: number) {
    this.#source = source;
    this.#clock = clock;
    this.#timeoutMs = timeoutMs;
  }

  /** Whether another token than the last one can be had. */
  get renewable(): boolean {
    return typeof this.#source === "function";
  }

  /** Rejects with `token_failed`, retriable unless the source threw an error that says otherwise. */
  async get(): Promise<string> {
    if (typeof this.#source === "string") return this.#source;
    const late = Promise.withResolvers<never>();
    const timer = this.#clock.after(this.#timeoutMs, () => {
      late.reject(new Error(`no answer in ${this.#timeoutMs} ms`));
    });
    try {
      return await Promise.race([this.#source(), late.promise]);
    } catch (cause) {
      if (cause instanceof TidegateError && !cause.retriable) throw cause;
      const why = cause instanceof Error ? cause.message : String(cause);
      const message = `Cannot get a token: ${why}`;
      throw new TidegateError("token_failed", message, { retriable: true, cause });
    } finally {
      timer.cancel();
    }
  }

  /**
   * Calls back a fifth of the token's life, but at most a minute, before it ends.
   * @param expiresAt seconds since 1970, or undefined for a token without an end
   */
  watch(expiresAt: number | undefined, due: () => void): void {
    this.stop();
    if (expiresAt === undefined || !this.renewable) return;
    const leftMs = expiresAt * 1000 - this.#clock.now();
    const waitMs = leftMs - Math.min(MARGIN_MS_MAX, leftMs * MARGIN_SHARE);
    this.later(Math.max(0, waitMs), due);
  }

  later(ms: number, due: () => void): void {
    this.stop();
    this.#timer = this.#clock.after(Math.min(ms, TIMER_MS_MAX), due);
  }

  stop(): void {
    this.#timer?.cancel();
    this.#timer = undefined;
  }
}
