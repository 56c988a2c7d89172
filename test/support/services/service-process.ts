import { closeSync, openSync, readFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import type { Subprocess } from "bun";
import type { Control } from "./control.ts";
import { ENTRY, pidFolder } from "./guard.ts";

export interface Command {
  readonly args: readonly string[];
  readonly folder: string;
  readonly env?: Readonly<Record<string, string>>;
  /** Run as this user; as ours when absent. */
  readonly user?: { readonly uid: number; readonly gid: number };
}

const TAIL_CHARS = 4_000;
const ENDS = new Set<NodeJS.Signals>(["SIGKILL", "SIGTERM", "SIGINT", "SIGQUIT"]);

/** A service as a process group of its own, ended by the guard if not by {@link stop}. */
export class ServiceProcess implements Control {
  readonly #command: Command;
  #child: Subprocess | undefined;

  constructor(command: Command) {
    this.#command = command;
  }

  get isRunning(): boolean {
    const child = this.#child;
    return child !== undefined && child.exitCode === null && child.signalCode === null;
  }

  /** Resolves with the exit code when the process that was started last has ended. */
  get ended(): Promise<number> {
    return this.#child?.exited ?? Promise.resolve(0);
  }

  async start(): Promise<void> {
    if (this.isRunning) return;
    const { args, folder, env, user } = this.#command;
    const log = openSync(this.#logPath(), "a");
    const child = Bun.spawn(["sh", "-c", ENTRY, pidFolder(), ...args], {
      cwd: folder,
      env: { ...process.env, ...env },
      stdin: "ignore",
      stdout: log,
      stderr: log,
      detached: true,
      ...user,
      onExit: ({ pid }) => rmSync(join(pidFolder(), String(pid)), { force: true }),
    });
    closeSync(log);
    child.unref();
    this.#child = child;
  }

  async kill(signal: NodeJS.Signals): Promise<void> {
    if (!this.isRunning) return;
    this.#signal(signal);
    if (ENDS.has(signal)) await this.#child?.exited;
  }

  async pause(): Promise<void> {
    this.#signal("SIGSTOP");
  }

  async resume(): Promise<void> {
    this.#signal("SIGCONT");
  }

  async stop(): Promise<void> {
    await this.kill("SIGKILL");
  }

  async tail(): Promise<string> {
    const log = Bun.file(this.#logPath());
    return (await log.exists()) ? (await log.text()).slice(-TAIL_CHARS) : "";
  }

  #logPath(): string {
    return join(this.#command.folder, "log");
  }

  #signal(signal: NodeJS.Signals): void {
    const child = this.#child;
    if (child === undefined || !this.isRunning) return;
    process.kill(-child.pid, signal);
    // Postgres puts its children into groups of their own, and one alone must not go on.
    if (signal !== "SIGSTOP" && signal !== "SIGCONT") return;
    for (const pid of childrenOf(child.pid)) signalIfThere(pid, signal);
  }
}

/** A process may end between being listed and being signalled, as Postgres's workers do at any time. */
export function signalIfThere(pid: number, signal: NodeJS.Signals): void {
  try {
    process.kill(pid, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error;
  }
}

function childrenOf(pid: number): readonly number[] {
  try {
    const text = readFileSync(`/proc/${pid}/task/${pid}/children`, "utf8");
    return text.split(" ").filter(Boolean).map(Number);
  } catch {
    return [];
  }
}
