import { join } from "node:path";
import type { Subprocess } from "bun";
import { ROOMY } from "../roomy.ts";
import type { Text } from "./body.ts";
import type { Layout, Measured } from "./generator.ts";
import { type LedgerParts, mergeLedgers } from "./ledger.ts";
import type { Answer, Answers, Order, Target } from "./orders.ts";
import type { PaceOptions } from "./pace.ts";

const PROGRAM = join(import.meta.dir, "process.ts");
const END_TIMEOUT_MS = 5_000;
/** Members of one process are numbered from a multiple of this. */
const MEMBERS_MAX = 100_000;

/** What a whole run counted. */
export interface Settled extends LedgerParts {
  readonly reconnects: number;
}

/**
 * Generators in processes of their own. Rooms do not span processes, so that each one's ledger is
 * exact by itself and the sum of them is exact too.
 */
export class Fleet implements AsyncDisposable {
  readonly #workers: readonly Worker[];
  /** Sockets of each process. */
  readonly #sockets: number[];

  private constructor(workers: readonly Worker[]) {
    this.#workers = workers;
    this.#sockets = workers.map(() => 0);
  }

  /**
   * @param text what messages are made of
   * @param processes how many share the load; more than cores only makes times worse
   */
  static async start(target: Target, processes = 1, text: Text = "mixed"): Promise<Fleet> {
    const workers = Array.from({ length: processes }, () => new Worker(text));
    const fleet = new Fleet(workers);
    try {
      await Promise.all(
        workers.map((worker, i) =>
          worker.ask({ kind: "target", target, firstMember: i * MEMBERS_MAX }),
        ),
      );
      return fleet;
    } catch (error) {
      await fleet[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Of its processes. */
  get pids(): readonly number[] {
    return this.#workers.map(({ pid }) => pid);
  }

  /** Shares the rooms of a layout out. */
  async connect(layout: Layout): Promise<void> {
    const rooms = Math.ceil(layout.sockets / layout.roomSize);
    const shares = split(rooms, this.#workers.length).map((count) => count * layout.roomSize);
    shares.forEach((share, i) => (this.#sockets[i] = (this.#sockets[i] ?? 0) + share));
    await this.#all((i) => ({ kind: "connect", layout: { ...layout, sockets: shares[i] ?? 0 } }));
  }

  /** Lets all send; the rate of an open loop is that of all together, shared as the sockets are. */
  async start(pace: PaceOptions): Promise<void> {
    const sockets = this.#sockets.reduce((sum, count) => sum + count, 0);
    await this.#all((i) => {
      if (pace.kind !== "open") return { kind: "start", pace };
      const rate = (pace.rate * (this.#sockets[i] ?? 0)) / sockets;
      return { kind: "start", pace: { ...pace, rate } };
    });
  }

  /** A share of the members reconnects every second from now on. */
  async churn(share: number): Promise<void> {
    await this.#all(() => ({ kind: "churn", share }));
  }

  /**
   * Runs on for `ms` and tells what happened in that time. Its times are in what {@link settle}
   * counts: they are those of all messages that were due in it, however late they came.
   */
  async measure(ms: number): Promise<Measured> {
    await this.#all(() => ({ kind: "mark" }));
    await Bun.sleep(ms);
    const counts = await this.#all<"count">(() => ({ kind: "count" }));
    const sum = (pick: (measured: Measured) => number): number =>
      counts.reduce((total, measured) => total + pick(measured), 0);
    return {
      seconds: sum(({ seconds }) => seconds) / counts.length,
      sent: sum(({ sent }) => sent),
      acked: sum(({ acked }) => acked),
      delivered: sum(({ delivered }) => delivered),
    };
  }

  /** Stops sending, or lets a pace with an end come to it, and counts what is missing. */
  async settle(isPatient = false): Promise<Settled> {
    const settled = await this.#all<"settle">(() => ({ kind: "settle", isPatient }));
    const reconnects = settled.reduce((total, one) => total + one.reconnects, 0);
    return { ...mergeLedgers(settled.map(({ ledger }) => ledger)), reconnects };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#workers.map((worker) => worker.end()));
  }

  #all<K extends keyof Answers = keyof Answers>(
    order: (index: number) => Extract<Order, { kind: K }>,
  ): Promise<Answers[K][]> {
    return Promise.all(this.#workers.map((worker, i) => worker.ask(order(i))));
  }
}

/** `total` in `parts` whole parts that differ by one at most. */
export function split(total: number, parts: number): number[] {
  return Array.from(
    { length: parts },
    (_, i) => Math.floor(((i + 1) * total) / parts) - Math.floor((i * total) / parts),
  );
}

/** The parent's end of one process. It answers orders in turn. */
class Worker {
  readonly #child: Subprocess;
  #waiting: PromiseWithResolvers<Answers[keyof Answers]> | undefined;
  /** Why it answers no more. */
  #ended: Error | undefined;

  constructor(text: Text) {
    const flags = process.env["LOAD_GENERATOR_FLAGS"]?.split(" ") ?? [];
    this.#child = Bun.spawn([process.execPath, ...flags, PROGRAM], {
      env: { ...ROOMY, ...process.env, LOAD_TEXT: text },
      stdio: ["ignore", "inherit", "inherit"],
      serialization: "advanced",
      ipc: (message: Answer) => {
        if ("error" in message) this.#waiting?.reject(new Error(message.error));
        else this.#waiting?.resolve(message.value);
      },
      onExit: ({ signalCode }, code) => {
        this.#ended = new Error(`a generator ended by itself with ${code ?? signalCode}`);
        this.#waiting?.reject(this.#ended);
      },
    });
  }

  get pid(): number {
    return this.#child.pid;
  }

  async ask<K extends keyof Answers>(order: Extract<Order, { kind: K }>): Promise<Answers[K]> {
    if (this.#ended !== undefined) throw this.#ended;
    this.#waiting = Promise.withResolvers();
    this.#child.send(order);
    // What is answered follows from the kind of the order.
    return (await this.#waiting.promise) as Answers[K];
  }

  async end(): Promise<void> {
    this.#waiting = undefined;
    // It ends by itself then, and has time to write a profile that was asked for.
    this.#child.disconnect();
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), END_TIMEOUT_MS);
    await this.#child.exited;
    clearTimeout(timer);
  }
}
