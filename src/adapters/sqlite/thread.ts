import { AppError, type ErrorCode } from "../../errors.ts";
import type { ThreadApi, ThreadReply, ThreadRequest } from "./thread-message.ts";

interface Pending {
  readonly resolve: (value: unknown) => void;
  readonly reject: (error: AppError) => void;
  readonly lostCode: ErrorCode;
}

/**
 * A worker thread as an object with methods. Calls are answered in order. When the thread dies, what
 * is pending rejects with the call's own `lostCode`, and later calls with `store_unavailable`.
 */
export class Thread<Api extends ThreadApi<Api>> {
  readonly #worker: Worker;
  readonly #pending = new Map<number, Pending>();
  readonly #onDeath: (reason: string) => void;
  #callLast = 0;
  #dead: string | undefined;
  #ended = Promise.withResolvers<void>();

  constructor(script: URL, onDeath: (reason: string) => void) {
    this.#onDeath = onDeath;
    this.#worker = new Worker(script);
    this.#worker.addEventListener("message", (event: MessageEvent<ThreadReply>) => {
      this.#settle(event.data);
    });
    this.#worker.addEventListener("error", (event) => this.#die(event.message));
    this.#worker.addEventListener("close", () => {
      this.#die("the thread has ended");
      this.#ended.resolve();
    });
  }

  get isDead(): boolean {
    return this.#dead !== undefined;
  }

  /** Calls that have no answer yet. */
  get pending(): number {
    return this.#pending.size;
  }

  /** @param moved buffers among the arguments that go over instead of being copied */
  call<Method extends keyof Api & string>(
    method: Method,
    args: Parameters<Api[Method]>,
    lostCode: ErrorCode = "store_unavailable",
    moved: ArrayBuffer[] = [],
  ): Promise<ReturnType<Api[Method]>> {
    if (this.#dead !== undefined)
      return Promise.reject(new AppError("store_unavailable", `The thread is gone: ${this.#dead}`));
    const call = ++this.#callLast;
    return new Promise((resolve, reject) => {
      this.#pending.set(call, { resolve: resolve as Pending["resolve"], reject, lostCode });
      this.#worker.postMessage({ call, method, args } satisfies ThreadRequest, moved);
    });
  }

  /** Ends the thread for good. What has no answer yet rejects, as if the thread had died. */
  async end(): Promise<void> {
    this.#worker.terminate();
    this.#rejectAll("it was closed");
    await this.#ended.promise;
  }

  #settle(reply: ThreadReply): void {
    const pending = this.#pending.get(reply.call);
    this.#pending.delete(reply.call);
    if ("code" in reply) pending?.reject(new AppError(reply.code, reply.message));
    else pending?.resolve(reply.value);
  }

  #die(reason: string): void {
    if (this.#dead !== undefined) return;
    this.#onDeath(reason);
    this.#rejectAll(reason);
  }

  #rejectAll(reason: string): void {
    this.#dead ??= reason;
    for (const { reject, lostCode } of this.#pending.values())
      reject(new AppError(lostCode, `The thread is gone: ${reason}`));
    this.#pending.clear();
  }
}
