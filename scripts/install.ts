/**
 * Installs the dependencies when they are missing or belong to another `bun.lock`, then ends.
 * It imports nothing but Bun's builtins, since it is what runs first in a fresh clone. The program
 * itself starts in a new process (`exec` in package.json): a process that was started without
 * `node_modules` does not see what is installed under it, and `exec` keeps signals direct.
 *
 * `--dev` installs the tools of the complete check as well.
 */
import { dirname, join } from "node:path";

const root = dirname(import.meta.dir);
const wanted = process.argv.includes("--dev") ? "all" : "production";
const stampPath = join(root, "node_modules", ".tidegate-installed");

const lock = new Bun.CryptoHasher("sha256")
  .update(await Bun.file(join(root, "bun.lock")).text())
  .update(await Bun.file(join(root, "package.json")).text())
  .digest("hex");

if (!(await isInstalled())) {
  const started = Bun.nanoseconds();
  const what = wanted === "all" ? "dependencies and tools" : "dependencies";
  process.stderr.write(`installing ${what} …\n`);
  const args = ["install", "--frozen-lockfile", "--silent"];
  if (wanted === "production") args.push("--production");
  const { exitCode } = Bun.spawnSync([process.execPath, ...args], {
    cwd: root,
    stdio: ["ignore", "inherit", "inherit"],
  });
  if (exitCode !== 0) {
    process.stderr.write(
      "tidegate: the dependencies could not be installed; check the network, then try again\n",
    );
    process.exit(exitCode || 1);
  }
  await Bun.write(stampPath, `${wanted} ${lock}\n`);
  const seconds = (Bun.nanoseconds() - started) / 1e9;
  process.stderr.write(`installed ${what} in ${seconds.toFixed(1)} s\n`);
}

async function isInstalled(): Promise<boolean> {
  const stamp = Bun.file(stampPath);
  if (!(await stamp.exists())) return false;
  const text = (await stamp.text()).trim();
  return text === `all ${lock}` || text === `${wanted} ${lock}`;
}
