import { dirname, join } from "node:path";
import { trust } from "./trust.ts";
import { until } from "./until.ts";

const ROOT = dirname(dirname(dirname(import.meta.dir)));
const READY_WITHIN_MS = 20_000;

export interface GatewayProgramOptions {
  readonly folder: string;
  readonly settings?: Readonly<Record<string, string>>;
  /** From the repository's root. */
  readonly program?: string;
  /** What the program is run under, such as strace. */
  readonly wrapper?: readonly string[];
}

/** The program as operators start it, in a process of its own. */
export class GatewayProgram implements AsyncDisposable {
  readonly #child: Bun.Subprocess<"ignore", "pipe", "pipe">;
  readonly #read: Promise<unknown>;
  #output = "";
  #errors = "";

  private constructor({ folder, settings, program, wrapper = [] }: GatewayProgramOptions) {
    const inherited = Object.entries(process.env).filter(([name]) => !name.startsWith("TIDEGATE_"));
    const script = join(ROOT, program ?? "cli/start.ts");
    this.#child = Bun.spawn([...wrapper, process.execPath, script], {
      cwd: ROOT,
      env: {
        ...Object.fromEntries(inherited),
        ...trust.settings,
        PORT: "0",
        TIDEGATE_DATA: folder,
        TIDEGATE_PARTITIONS: "2",
        ...settings,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "pipe",
    });
    this.#read = Promise.all([
      this.#collect(this.#child.stdout, (text) => (this.#output += text)),
      this.#collect(this.#child.stderr, (text) => (this.#errors += text)),
    ]);
  }

  /** Starts the program without waiting for it. */
  static launch(options: GatewayProgramOptions): GatewayProgram {
    return new GatewayProgram(options);
  }

  /** Resolves when it serves. @throws with what it wrote when it ends instead */
  static async start(options: GatewayProgramOptions): Promise<GatewayProgram> {
    const program = new GatewayProgram(options);
    const isUp = () => program.#url !== undefined || program.#child.exitCode !== null;
    await until("the program serves", isUp, READY_WITHIN_MS);
    if (program.#url === undefined) throw new Error(`it ended: ${(await program.end()).errors}`);
    return program;
  }

  get port(): number {
    return Number(new URL(this.url).port);
  }

  get url(): string {
    if (this.#url === undefined) throw new Error("the program does not serve yet");
    return this.#url;
  }

  get pid(): number {
    return this.#child.pid;
  }

  kill(signal: NodeJS.Signals): void {
    this.#child.kill(signal);
  }

  /** Resolves when it has ended, with all that it wrote. */
  async end(): Promise<{
    readonly code: number;
    readonly output: string;
    readonly errors: string;
  }> {
    const code = await this.#child.exited;
    await this.#read;
    return { code, output: this.#output, errors: this.#errors };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#child.exitCode === null) this.kill("SIGKILL");
    await this.end();
  }

  get #url(): string | undefined {
    return /http:\/\/[^\s/:]+:\d+/.exec(this.#output)?.[0];
  }

  async #collect(stream: ReadableStream<Uint8Array>, add: (text: string) => void): Promise<void> {
    const decoder = new TextDecoder();
    for await (const chunk of stream) add(decoder.decode(chunk, { stream: true }));
  }
}
