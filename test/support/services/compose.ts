import { join } from "node:path";
import { run } from "../../../scripts/check/run.ts";
import { progress } from "./control.ts";
import type { Control } from "./control.ts";
import { projectFolder, serviceFolder } from "./guard.ts";

export interface Container {
  readonly image: string;
  readonly command?: readonly string[];
  readonly environment?: Readonly<Record<string, string>>;
  /** The same port inside and outside, on the loopback address. */
  readonly port: number;
}

const UP_DEADLINE_MS = 300_000;
const DEADLINE_MS = 60_000;

let answer: Promise<boolean> | undefined;

/** Whether there is a Docker daemon, and Compose to speak to it. */
export function daemonAnswers(): Promise<boolean> {
  answer ??= (async () => {
    if (Bun.which("docker") === null) return false;
    for (const args of [["compose", "version"], ["info"]]) {
      if ((await docker(args, DEADLINE_MS)).exitCode !== 0) return false;
    }
    return true;
  })();
  return answer;
}

/** The Compose file of one container; JSON is YAML. */
export function composeFile({ image, command, environment, port }: Container): string {
  const service = {
    image,
    ...(command === undefined ? {} : { command }),
    ...(environment === undefined ? {} : { environment }),
    ports: [`127.0.0.1:${port}:${port}`],
  };
  return JSON.stringify({ services: { service } }, null, 2);
}

/** One container by Docker Compose, removed with its volumes by {@link stop} or the guard. */
export class ComposeService implements Control {
  readonly #name: string;
  readonly #container: Container;
  readonly #project = `tidegate-${crypto.randomUUID()}`;
  #file = "";
  isRunning = false;

  constructor(name: string, container: Container) {
    this.#name = name;
    this.#container = container;
  }

  async start(): Promise<void> {
    if (this.#file === "") {
      this.#file = join(serviceFolder(this.#name), "compose.json");
      await Bun.write(this.#file, composeFile(this.#container));
      await Bun.write(join(projectFolder(), this.#project), this.#file);
      progress(`starting ${this.#container.image} with Docker Compose …`);
    }
    await this.#compose(["up", "--detach"], UP_DEADLINE_MS);
    this.isRunning = true;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    await this.#compose(["kill", "--signal", signal]);
    this.isRunning = false;
  }

  async pause(): Promise<void> {
    await this.#compose(["pause"]);
  }

  async resume(): Promise<void> {
    await this.#compose(["unpause"]);
  }

  async stop(): Promise<void> {
    if (this.#file === "") return;
    await this.#compose(["down", "--volumes", "--timeout", "0"]);
    this.isRunning = false;
  }

  async tail(): Promise<string> {
    const args = ["compose", "-p", this.#project, "-f", this.#file, "logs", "--tail", "40"];
    return (await docker(args, DEADLINE_MS)).output;
  }

  async #compose(args: readonly string[], deadlineMs = DEADLINE_MS): Promise<void> {
    const command = ["compose", "-p", this.#project, "-f", this.#file, ...args];
    const ended = await docker(command, deadlineMs);
    if (ended.exitCode === 0) return;
    throw new Error(`docker ${command.join(" ")} failed:\n${ended.output.slice(-2_000)}`);
  }
}

function docker(args: readonly string[], deadlineMs: number): ReturnType<typeof run> {
  return run(["docker", ...args], {
    deadlineMs,
    onProgress: (seconds) => progress(`still at docker ${args.at(-1)} (${seconds.toFixed(0)} s)`),
  });
}
