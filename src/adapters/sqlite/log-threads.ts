import { AppError } from "../../errors.ts";
import type {
  KeeperCall,
  KeeperCalls,
  KeeperReply,
  WriterReply,
  WriterRequest,
} from "./log-messages.ts";

interface Waiter<T> {
  readonly resolve: (value: T) => void;
  readonly reject: (error: Error) => void;
}

/** The keeper's thread: calls and their answers, in order. */
export class KeeperThread {
  private readonly worker: Worker;
  private readonly waiters = new Map<number, Waiter<unknown>>();
  private lastId = 0;
  private dead = false;

  constructor(died: (error: AppError) => void) {
    this.worker = new Worker(new URL("./log-keeper.worker.ts", import.meta.url).href);
    this.worker.onmessage = (event: MessageEvent<KeeperReply>) => {
      const reply = event.data;
      const waiter = this.waiters.get(reply.id);
      this.waiters.delete(reply.id);
      if ("fault" in reply) waiter?.reject(new AppError(reply.fault.code, reply.fault.message));
      else waiter?.resolve(reply.answer);
    };
    onDeath(this.worker, "keeper", (error) => {
      this.end(error);
      died(error);
    });
  }

  call<C extends KeeperCall>(
    call: C,
    ask: KeeperCalls[C]["ask"],
  ): Promise<KeeperCalls[C]["answer"]> {
    if (this.dead) return Promise.reject(new AppError("log_unavailable", "The log's keeper died"));
    const id = ++this.lastId;
    return new Promise((resolve, reject) => {
      this.waiters.set(id, { resolve: resolve as Waiter<unknown>["resolve"], reject });
      this.worker.postMessage({ id, call, ask });
    });
  }

  /** What has no answer yet gets none. */
  terminate(): void {
    this.worker.onerror = null;
    this.worker.terminate();
    this.end(new AppError("closed", "The log is closed"));
  }

  private end(error: AppError): void {
    this.dead = true;
    for (const waiter of this.waiters.values()) waiter.reject(error);
    this.waiters.clear();
  }
}

/** The writer's thread: requests are answered one after the other. */
export class WriterThread {
  private readonly worker: Worker;
  private readonly answers: ((reply: WriterReply) => void)[] = [];
  private fault: AppError | undefined;

  constructor(died: (error: AppError) => void) {
    this.worker = new Worker(new URL("./log-writer.worker.ts", import.meta.url).href);
    this.worker.onmessage = (event: MessageEvent<WriterReply>) =>
      this.answers.shift()?.(event.data);
    onDeath(this.worker, "writer", (error) => {
      this.end(error);
      died(error);
    });
  }

  post(request: WriterRequest, answer: (reply: WriterReply) => void): void {
    if (this.fault !== undefined) {
      const { code, message } = this.fault;
      answer({ fault: { code, message }, flushMs: 0, walBytes: 0 });
      return;
    }
    this.answers.push(answer);
    this.worker.postMessage(request, request.kind === "commit" ? [request.buffer] : []);
  }

  /** Resolves when the request and all before it are done. */
  ask(request: WriterRequest): Promise<WriterReply> {
    return new Promise((resolve, reject) =>
      this.post(request, (reply) => {
        if (reply.fault === undefined) resolve(reply);
        else reject(new AppError(reply.fault.code, reply.fault.message));
      }),
    );
  }

  terminate(): void {
    this.worker.onerror = null;
    this.worker.terminate();
    this.end(new AppError("closed", "The log is closed"));
  }

  private end(error: AppError): void {
    this.fault ??= error;
    // What it was working on may be on the disk.
    const fault = { code: "unknown_outcome", message: error.message } as const;
    for (const answer of this.answers.splice(0)) answer({ fault, flushMs: 0, walBytes: 0 });
  }
}

/** An `onerror` that is gone says that the thread was ended on purpose, or that its end was told. */
function onDeath(worker: Worker, name: string, died: (error: AppError) => void): void {
  const tell = (why: string) => {
    worker.onerror = null;
    died(new AppError("log_unavailable", `The log's ${name} died: ${why}`));
  };
  worker.onerror = (event) => tell(event.message);
  worker.addEventListener("close", () => {
    if (worker.onerror !== null) tell("its thread ended");
  });
}
