import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import type { Subprocess } from "bun";
import { endWithThisProgram } from "./children.ts";
import type { Address } from "./native/socket.ts";
import { RunKey } from "./token.ts";

const ROOT = dirname(import.meta.dir);
const PROGRAM = "cli/start.ts";
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 20_000;
const OUTPUT_CHARS_MAX = 20_000;
const POLL_MS = 20;

export interface ServerOptions {
  /** Kept after the end when given; otherwise a new one that is removed. */
  readonly dataDir?: string;
  readonly key?: RunKey;
  readonly settings?: Readonly<Record<string, string>>;
  /** Another program than the standalone one, as a path from the repository's root. */
  readonly program?: string | undefined;
  /** Its arguments. */
  readonly args?: readonly string[];
  /** Flags of the runtime before the program, such as `--cpu-prof`. */
  readonly flags?: readonly string[];
}

/** A program that serves HTTP, the standalone one by default, as a child process. */
export class ServerProcess implements AsyncDisposable {
  readonly key: RunKey;
  readonly dataDir: string;
  readonly #ownsData: boolean;
  readonly #child: Subprocess<"ignore", "pipe", "pipe">;
  #output = "";
  /** What it says to people; its log may hold addresses of others. */
  #said = "";
  #isEnding = false;
  #address: Address | undefined;

  private constructor(options: ServerOptions) {
    this.key = options.key ?? new RunKey();
    this.#ownsData = options.dataDir === undefined;
    this.dataDir = options.dataDir ?? mkdtempSync(join(tmpdir(), "tidegate-load-"));
    const flags = options.flags ?? process.env["LOAD_SERVER_FLAGS"]?.split(" ") ?? [];
    const program = join(ROOT, options.program ?? PROGRAM);
    this.#child = Bun.spawn([process.execPath, ...flags, program, ...(options.args ?? [])], {
      cwd: ROOT,
      env: {
        // As `bun run start` sets it.
        MIMALLOC_PURGE_DELAY: "10000",
        ...inherited(),
        ...this.key.settings,
        PORT: "0",
        TIDEGATE_DATA: this.dataDir,
        ...options.settings,
      },
      stdout: "pipe",
      stderr: "pipe",
    });
    endWithThisProgram(this.#child);
    void this.#child.exited.then((code) => {
      if (this.#isEnding) return;
      process.stderr.write(`the server ended by itself with ${code}:\n${this.#output}\n`);
    });
  }

  /** Resolves when the server is ready. @throws with its output when it does not come up */
  static async start(options: ServerOptions = {}): Promise<ServerProcess> {
    const server = ServerProcess.launch(options);
    try {
      await server.ready();
    } catch (error) {
      await server[Symbol.asyncDispose]();
      throw error;
    }
    return server;
  }

  /** Starts the program without waiting for it. */
  static launch(options: ServerOptions = {}): ServerProcess {
    const server = new ServerProcess(options);
    server.#collect(server.#child.stdout, (text) => {
      if (server.#said.length < OUTPUT_CHARS_MAX) server.#said += text;
    });
    server.#collect(server.#child.stderr);
    return server;
  }

  get pid(): number {
    return this.#child.pid;
  }

  /** The last of what the program wrote. */
  get output(): string {
    return this.#output;
  }

  get address(): Address {
    if (!this.#address) throw new Error("the server is not ready");
    return this.#address;
  }

  get url(): string {
    return `http://${this.address.hostname}:${this.address.port}`;
  }

  /** Sends a signal that it goes on after, such as SIGSTOP. */
  signal(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** SIGKILL: as a crash. */
  async kill(): Promise<void> {
    this.#isEnding = true;
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }

  /** SIGTERM, and SIGKILL when that does not end it in time. @returns the exit code */
  async stop(): Promise<number> {
    this.#isEnding = true;
    this.#child.kill("SIGTERM");
    const timer = setTimeout(() => this.#child.kill("SIGKILL"), STOP_TIMEOUT_MS);
    const code = await this.#child.exited;
    clearTimeout(timer);
    return code;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#ownsData) rmSync(this.dataDir, { recursive: true, force: true });
  }

  /** Resolves when `/readyz` says yes. @throws with the program's output when it does not come up */
  async ready(): Promise<void> {
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline && this.#child.exitCode === null) {
      const port = /https?:\/\/[^\s/:]+:(\d+)/.exec(this.#said)?.[1];
      if (port !== undefined) this.#address = { hostname: "127.0.0.1", port: Number(port) };
      if (this.#address && (await this.#answers(`${this.url}/readyz`))) return;
      await Bun.sleep(POLL_MS);
    }
    throw new Error(`the server did not become ready:\n${this.#output}`);
  }

  async #answers(url: string): Promise<boolean> {
    try {
      return (await fetch(url)).ok;
    } catch {
      // Not listening yet; the caller asks again until its deadline.
      return false;
    }
  }

  #collect(stream: ReadableStream<Uint8Array>, also?: (text: string) => void): void {
    const decoder = new TextDecoder();
    const read = async (): Promise<void> => {
      for await (const chunk of stream) {
        const text = decoder.decode(chunk, { stream: true });
        this.#output = (this.#output + text).slice(-OUTPUT_CHARS_MAX);
        also?.(text);
      }
    };
    void read().catch((error: unknown) => {
      this.#output += String(error);
    });
  }
}

/** This process's environment without settings of a server, which would change what is measured. */
function inherited(): Record<string, string | undefined> {
  const entries = Object.entries(process.env).filter(([name]) => !name.startsWith("TIDEGATE_"));
  return Object.fromEntries(entries);
}
