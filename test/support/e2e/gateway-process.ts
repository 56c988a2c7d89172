import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

const root = join(import.meta.dir, "../../..");
const entry = join(root, "cli/start.ts");
const READY = /Open (http:\/\/\S+?)\/? in two windows/;
const READY_WITHIN_MS = 20_000;

export interface GatewayProcessOptions {
  /** Settings besides those that every test has. */
  readonly settings?: Readonly<Record<string, string>>;
  /** Called with the data folder before the program starts for the first time. */
  readonly prepare?: (folder: string) => Promise<void>;
}

/** The whole program as people start it, in a folder of its own; it can be killed and come back. */
export class GatewayProcess {
  readonly #folder: string;
  readonly #settings: Readonly<Record<string, string>>;
  #process: Bun.Subprocess<"ignore", "pipe", "ignore"> | undefined;
  #port = "0";
  url = "";

  private constructor(folder: string, settings: Readonly<Record<string, string>>) {
    this.#folder = folder;
    this.#settings = settings;
  }

  static async start(options: GatewayProcessOptions = {}): Promise<GatewayProcess> {
    const folder = await mkdtemp(join(tmpdir(), "tidegate-e2e-"));
    await options.prepare?.(folder);
    const gateway = new GatewayProcess(folder, options.settings ?? {});
    await gateway.start();
    return gateway;
  }

  /** Starts again on the port and the data of before. */
  async start(): Promise<void> {
    const child = Bun.spawn([process.execPath, entry], {
      cwd: root,
      env: {
        ...process.env,
        PORT: this.#port,
        TIDEGATE_DATA: this.#folder,
        NODE_ENV: "development",
        ...this.#settings,
      },
      stdin: "ignore",
      stdout: "pipe",
      stderr: "ignore",
    });
    this.#process = child;
    this.url = await readyUrl(child.stdout);
    this.#port = new URL(this.url).port;
  }

  async kill(): Promise<void> {
    this.#process?.kill("SIGKILL");
    await this.#process?.exited;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.kill();
    await rm(this.#folder, { recursive: true, force: true });
  }
}

async function readyUrl(stdout: ReadableStream<Uint8Array>): Promise<string> {
  const signal = AbortSignal.timeout(READY_WITHIN_MS);
  const decoder = new TextDecoder();
  let text = "";
  const reader = stdout.getReader();
  signal.addEventListener("abort", () => void reader.cancel());
  for (;;) {
    const { done, value } = await reader.read();
    text += decoder.decode(value, { stream: true });
    const url = READY.exec(text)?.[1];
    if (url !== undefined) return url;
    if (done) throw new Error(`The gateway did not say where it listens, but: ${text}`);
  }
}
