import { randomBytes } from "node:crypto";
import { mkdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { DEV_KEY_PREFIX, parseKeySet, type VerificationKey } from "../../key-set.ts";

const FILE = "dev-key.json";
const SECRET_BYTES = 32;
const OTHERS = 0o077;

export type DevKey = Extract<VerificationKey, { alg: "HS256" }>;

/**
 * The development key of a data folder, made on first use and readable by its owner only. Meant for
 * the demo page and local tools.
 *
 * @throws Error with one line for the operator: in production, when the file is damaged, or when
 *   others may read it
 */
export function loadDevKey(dataDir: string, production: boolean): DevKey {
  if (production) throw new Error("the development key is refused when NODE_ENV=production");
  const path = join(dataDir, FILE);
  mkdirSync(dataDir, { recursive: true });
  const text = readIfThere(path) ?? create(path);
  // Windows has no such bits: every file looks open to all there.
  if (process.platform !== "win32" && (statSync(path).mode & OTHERS) !== 0) {
    throw new Error(`${path} can be read by others: run chmod 600 ${path}, or delete it`);
  }
  const parsed = parseKeySet(text);
  const key = parsed.ok ? parsed.keys[0] : undefined;
  if (key?.alg !== "HS256" || !key.kid.startsWith(DEV_KEY_PREFIX)) {
    throw new Error(`${path} is not a development key: delete it, and a new one is made`);
  }
  return key;
}

function readIfThere(path: string): string | undefined {
  try {
    return readFileSync(path, "utf8");
  } catch (error) {
    if (isCode(error, "ENOENT")) return undefined;
    throw error;
  }
}

/** Made exclusively: of two processes that start at once, one writes the key and both read it. */
function create(path: string): string {
  const kid = `${DEV_KEY_PREFIX}${randomBytes(6).toString("hex")}`;
  const k = randomBytes(SECRET_BYTES).toString("base64url");
  const text = `${JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", kid, k }] }, null, 2)}\n`;
  try {
    writeFileSync(path, text, { mode: 0o600, flag: "wx" });
  } catch (error) {
    if (!isCode(error, "EEXIST")) throw error;
  }
  return readFileSync(path, "utf8");
}

function isCode(error: unknown, code: string): boolean {
  return error instanceof Error && "code" in error && error.code === code;
}
