import { dirname } from "node:path";
import type { Subprocess } from "bun";
import { endWithThisProgram } from "../children.ts";
import type { Address } from "../native/socket.ts";
import { ROOMY } from "../roomy.ts";

const START_TIMEOUT_MS = 30_000;
const POLL_MS = 20;

/** A server that is none of ours, as a child process that prints where it listens. */
export class PeerProcess implements AsyncDisposable {
  readonly address: Address;
  readonly #child: Subprocess;

  private constructor(child: Subprocess, address: Address) {
    this.#child = child;
    this.address = address;
  }

  /** Resolves when it listens. @throws with what it printed when it does not come up */
  static async start(command: readonly string[]): Promise<PeerProcess> {
    const child = Bun.spawn([...command], {
      cwd: dirname(dirname(import.meta.dir)),
      env: { ...ROOMY, ...process.env },
      stdio: ["ignore", "pipe", "pipe"],
    });
    endWithThisProgram(child);
    let output = "";
    const collect = async (stream: ReadableStream<Uint8Array>): Promise<void> => {
      const decoder = new TextDecoder();
      for await (const chunk of stream) output = (output + decoder.decode(chunk)).slice(-4_000);
    };
    void Promise.all([collect(child.stdout), collect(child.stderr)]).catch((error: unknown) => {
      output += String(error);
    });
    const deadline = performance.now() + START_TIMEOUT_MS;
    while (performance.now() < deadline && child.exitCode === null) {
      const port = /http:\/\/[^\s/:]+:(\d+)/.exec(output)?.[1];
      if (port !== undefined)
        return new PeerProcess(child, { hostname: "127.0.0.1", port: Number(port) });
      await Bun.sleep(POLL_MS);
    }
    child.kill("SIGKILL");
    await child.exited;
    throw new Error(`${command.join(" ")} did not come up:\n${output}`);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#child.kill("SIGKILL");
    await this.#child.exited;
  }
}
