import { existsSync } from "node:fs";
import { mkdir, mkdtemp, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

/** Exact versions: a comparison with whatever is newest today cannot be repeated. */
const SOCKET_IO_PACKAGES: Readonly<Record<string, string>> = {
  "socket.io": "4.8.4",
  "@socket.io/redis-adapter": "8.3.0",
  "@socket.io/bun-engine": "0.1.2",
  ioredis: "5.11.1",
};

/**
 * The folder that has these packages, in the user's cache folder (`XDG_CACHE_HOME`, else `~/.cache`):
 * what we are compared with is none of our dependencies. Installed where it is not there yet.
 */
export async function socketIoPackages(say: (line: string) => void): Promise<string> {
  const text = JSON.stringify({ private: true, dependencies: SOCKET_IO_PACKAGES });
  const hash = new Bun.CryptoHasher("sha256").update(text).digest("hex").slice(0, 12);
  const cache = join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tidegate");
  const folder = join(cache, `socketio-${hash}`);
  if (existsSync(folder)) return folder;
  say("installing Socket.IO …");
  await mkdir(cache, { recursive: true });
  const half = await mkdtemp(`${folder}-`);
  try {
    await Bun.write(join(half, "package.json"), text);
    const child = Bun.spawn([process.execPath, "install", "--no-save", "--silent"], {
      cwd: half,
      stdio: ["ignore", "inherit", "inherit"],
    });
    if ((await child.exited) !== 0) throw new Error("Socket.IO could not be installed");
    // Another run may have been faster.
    await rename(half, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } finally {
    await rm(half, { recursive: true, force: true });
  }
  return folder;
}

/** The chat server as a program for Node and Bun alike, beside its packages. @returns its path */
export async function socketIoServer(folder: string): Promise<string> {
  const source = await Bun.file(join(import.meta.dir, "socketio-server.ts")).text();
  const program = new Bun.Transpiler({ loader: "ts", target: "node" }).transformSync(source);
  const hash = new Bun.CryptoHasher("sha256").update(program).digest("hex").slice(0, 12);
  const path = join(folder, `socketio-server-${hash}.mjs`);
  await Bun.write(path, program);
  return path;
}
