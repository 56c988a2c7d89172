import { dirname, join } from "node:path";
import { until } from "../gateway/until.ts";
import { cleanEnvironment, type Settings } from "./tool.ts";

const ROOT = dirname(dirname(dirname(import.meta.dir)));
const READY_WITHIN_MS = 60_000;

export interface Readiness {
  readonly status: string;
  readonly checks: Readonly<Record<string, string>>;
}

/** One process of a cluster as operators start it. */
export class ClusterProgram implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #read: Promise<unknown>;
  #output = "";
  #errors = "";

  /** @param file from the repository's root */
  constructor(file: string, args: readonly string[], settings: Settings) {
    this.#child = Bun.spawn([process.execPath, join(ROOT, file), ...args], {
      cwd: ROOT,
      env: cleanEnvironment(settings),
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#read = Promise.all([
      collect(this.#child.stdout, (text) => (this.#output += text)),
      collect(this.#child.stderr, (text) => (this.#errors += text)),
    ]);
  }

  /** Starts one and waits until it is ready. */
  static async start(
    file: string,
    args: readonly string[],
    settings: Settings,
  ): Promise<ClusterProgram> {
    const program = new ClusterProgram(file, args, settings);
    try {
      await program.when("it is ready", ({ status }) => status === "ready");
      return program;
    } catch (error) {
      await program[Symbol.asyncDispose]();
      throw error;
    }
  }

  /** Of what it serves; it serves as soon as it has started. */
  get url(): string {
    const found = /http:\/\/[^\s/:]+:\d+/.exec(this.#output)?.[0];
    if (found === undefined) throw new Error(`it does not serve: ${this.#errors}`);
    return found;
  }

  get errors(): string {
    return this.#errors;
  }

  async readiness(): Promise<Readiness> {
    const response = await fetch(`${this.url}/readyz`);
    const reply = (await response.json()) as Readiness;
    if (response.ok !== (reply.status === "ready"))
      throw new Error(`${reply.status} came with ${response.status}`);
    return reply;
  }

  /** Resolves when `/readyz` says so; rejects when the program ends first. */
  async when(what: string, holds: (reply: Readiness) => boolean): Promise<void> {
    const hasEnded = (): boolean => this.#child.exitCode !== null;
    let last: Readiness | undefined;
    const holdsNow = async (): Promise<boolean> => {
      if (hasEnded()) return true;
      if (!this.#output.includes("http://")) return false;
      last = await this.readiness();
      return holds(last);
    };
    try {
      await until(what, holdsNow, READY_WITHIN_MS);
    } catch (error) {
      throw new Error(`${JSON.stringify(last)}\n${this.#errors}`, { cause: error });
    }
    if (hasEnded()) throw new Error(`it ended (${this.#child.exitCode}): ${this.#errors}`);
  }

  /** @returns the exit code */
  async stop(signal: NodeJS.Signals = "SIGTERM"): Promise<number> {
    this.#child.kill(signal);
    return this.ended();
  }

  async ended(): Promise<number> {
    const code = await this.#child.exited;
    await this.#read;
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.#child.kill("SIGKILL");
    await this.ended();
  }
}

async function collect(
  stream: ReadableStream<Uint8Array>,
  add: (text: string) => void,
): Promise<void> {
  const decoder = new TextDecoder();
  for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
}
