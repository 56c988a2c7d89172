import { readFileSync, realpathSync } from "node:fs";
import { chmod, chown, copyFile, mkdir, rm } from "node:fs/promises";
import { dirname, join } from "node:path";
import { SQL } from "bun";
import type { SystemPackage } from "../../../scripts/check/system-package.ts";
import { ensureProgram } from "./apt.ts";
import { ComposeService, daemonAnswers } from "./compose.ts";
import { whenReady } from "./control.ts";
import type { Control } from "./control.ts";
import { serviceFolder } from "./guard.ts";
import { freePort } from "./ports.ts";
import { startProxy } from "./proxy.ts";
import type { FaultProxy } from "./proxy.ts";
import { ServiceProcess } from "./service-process.ts";

export interface PostgresOptions {
  /** Added to those of its command line, such as `max_connections`. */
  readonly settings?: Readonly<Record<string, string>>;
  /** PEM files of its own certificate; without, it speaks no TLS. */
  readonly tls?: { readonly certFile: string; readonly keyFile: string };
}

const PROGRAM: SystemPackage = {
  command: "postgres",
  package: "postgresql",
  places: ["/usr/lib/postgresql/*/bin/postgres"],
};
const IMAGE = "postgres:17-alpine";
const USER = "tidegate";
const START_TRIES = 20;
const START_PAUSE_MS = 100;
const SETTINGS = { max_connections: "200", unix_socket_directories: "" };

let shared: Promise<{ readonly url: string }> | undefined;

/**
 * The Postgres that tests share: the one of `TIDEGATE_TEST_POSTGRES`, else one that is started once
 * and ends with this process. Schemas are to have names of their own.
 */
export function usePostgres(): Promise<{ readonly url: string }> {
  const running = process.env["TIDEGATE_TEST_POSTGRES"];
  shared ??= running ? Promise.resolve({ url: running }) : startShared();
  return shared;
}

async function startShared(): Promise<{ readonly url: string }> {
  if (!(await daemonAnswers())) return startPostgres();
  const port = freePort();
  const control = new ComposeService("postgres", {
    image: IMAGE,
    command: ["postgres", "-p", String(port), "-c", "max_connections=200"],
    environment: {
      POSTGRES_USER: USER,
      POSTGRES_DB: "postgres",
      POSTGRES_HOST_AUTH_METHOD: "trust",
    },
    port,
  });
  const postgres = new Postgres(control, port);
  await postgres.start();
  return postgres;
}

/** A Postgres of its own, gone at the end of the scope. */
export async function startPostgres({
  settings = {},
  tls,
}: PostgresOptions = {}): Promise<Postgres> {
  const program = await ensureProgram(PROGRAM);
  const folder = serviceFolder("postgres");
  const data = join(folder, "data");
  const user = otherUser();
  await mkdir(data, { mode: 0o700 });
  if (user !== undefined) await chown(data, user.uid, user.gid);
  const initdb = new ServiceProcess({
    args: [
      join(dirname(realpathSync(program)), "initdb"),
      "-D",
      data,
      "-U",
      USER,
      "--auth=trust",
      "--encoding=UTF8",
      "--no-locale",
      "--no-sync",
    ],
    folder,
    ...(user === undefined ? {} : { user }),
  });
  await initdb.start();
  if ((await initdb.ended) !== 0) throw new Error(`initdb failed:\n${await initdb.tail()}`);
  const port = freePort();
  // Shared memory that Postgres maps itself, so that SIGKILL leaves no file in /dev/shm.
  const all = {
    ...SETTINGS,
    dynamic_shared_memory_type: "mmap",
    ...(tls && (await tlsSettings(tls, folder, user))),
    ...settings,
  };
  const control = new ServiceProcess({
    args: [
      program,
      "-D",
      data,
      "-p",
      String(port),
      "-c",
      "listen_addresses=127.0.0.1",
      ...Object.entries(all).flatMap(([key, value]) => ["-c", `${key}=${value}`]),
    ],
    folder,
    ...(user === undefined ? {} : { user }),
  });
  const postgres = new Postgres(control, port, folder);
  await postgres.start();
  return postgres;
}

/** Copies: the server takes a key only when it is its own user's, and nobody else can read it. */
async function tlsSettings(
  { certFile, keyFile }: NonNullable<PostgresOptions["tls"]>,
  folder: string,
  user: ReturnType<typeof otherUser>,
): Promise<Readonly<Record<string, string>>> {
  const copy = async (file: string, name: string): Promise<string> => {
    const path = join(folder, name);
    await copyFile(file, path);
    await chmod(path, 0o600);
    if (user !== undefined) await chown(path, user.uid, user.gid);
    return path;
  };
  return {
    ssl: "on",
    ssl_cert_file: await copy(certFile, "server.pem"),
    ssl_key_file: await copy(keyFile, "server-key.pem"),
  };
}

export class Postgres implements AsyncDisposable {
  readonly url: string;
  readonly port: number;
  readonly #control: Control;
  readonly #folder: string | undefined;

  constructor(control: Control, port: number, folder?: string) {
    this.#control = control;
    this.#folder = folder;
    this.port = port;
    this.url = urlOf(port);
  }

  /** Starts it (again); resolves when it takes connections. */
  async start(): Promise<void> {
    for (let tries = 1; ; tries += 1) {
      await this.#control.start();
      try {
        await whenReady("Postgres", this.#control, () => answers(this.url));
        return;
      } catch (error) {
        // After SIGKILL a child of the old one may hold the shared memory for a moment.
        const isHeld = (await this.#control.tail()).includes("is still in use");
        if (!isHeld || this.#control.isRunning || tries === START_TRIES) throw error;
        await Bun.sleep(START_PAUSE_MS);
      }
    }
  }

  /** SIGKILL by default: it will have to recover from its write-ahead log. */
  async kill(signal: NodeJS.Signals = "SIGKILL"): Promise<void> {
    await this.#control.kill(signal);
  }

  /** Stops all its processes in their tracks. */
  async pause(): Promise<void> {
    await this.#control.pause();
  }

  async resume(): Promise<void> {
    await this.#control.resume();
  }

  /** A proxy before it, and the URL that leads through it. */
  async proxied(): Promise<{ readonly proxy: FaultProxy; readonly url: string }> {
    const proxy = await startProxy({ host: "127.0.0.1", port: this.port });
    return { proxy, url: urlOf(proxy.port) };
  }

  async stop(): Promise<void> {
    // SIGQUIT ends its children too, and takes its shared memory away; nothing is saved.
    await this.#control.resume();
    await this.#control.kill("SIGQUIT");
    await this.#control.stop();
    if (this.#folder !== undefined) await rm(this.#folder, { recursive: true, force: true });
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
  }
}

function urlOf(port: number): string {
  return `postgres://${USER}@127.0.0.1:${port}/postgres`;
}

async function answers(url: string): Promise<boolean> {
  const sql = new SQL(url, { max: 1, connectionTimeout: 2 });
  try {
    await sql`SELECT 1`;
    return true;
  } catch {
    return false;
  } finally {
    await sql.close();
  }
}

/** Postgres refuses to run as root: an account that every system has then runs it. */
function otherUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined;
  const accounts = readFileSync("/etc/passwd", "utf8").split("\n");
  for (const name of ["postgres", "nobody"]) {
    const [, , uid, gid] = accounts.find((line) => line.startsWith(`${name}:`))?.split(":") ?? [];
    if (uid !== undefined && gid !== undefined) return { uid: Number(uid), gid: Number(gid) };
  }
  throw new Error("Postgres does not run as root, and there is no user postgres or nobody");
}
