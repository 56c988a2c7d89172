import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { loadDevKey } from "../../../../src/adapters/system/dev-key.ts";
import { loadKeys } from "../../../../src/adapters/system/keys.ts";
import { ConfigError } from "../../../../src/config-read.ts";
import { parseConfig } from "../../../../src/config.ts";

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), "tidegate-keys-"));
});
afterEach(() => {
  rmSync(folder, { recursive: true, force: true });
});

describe("loadDevKey", () => {
  test("makes a key once, readable by its owner only, in a folder that it makes", () => {
    const data = join(folder, "made", "here");
    const key = loadDevKey(data, false);
    expect(key.kid).toStartWith("dev-");
    expect(Buffer.from(key.k, "base64url")).toHaveLength(32);
    expect(statSync(join(data, "dev-key.json")).mode & 0o777).toBe(0o600);
    expect(loadDevKey(data, false)).toEqual(key);
  });

  test("two folders have two keys", () => {
    const one = loadDevKey(join(folder, "a"), false);
    const other = loadDevKey(join(folder, "b"), false);
    expect(one.k).not.toBe(other.k);
    expect(one.kid).not.toBe(other.kid);
  });

  test("is refused in production, and makes no file there", () => {
    expect(() => loadDevKey(folder, true)).toThrow("refused when NODE_ENV=production");
    expect(() => statSync(join(folder, "dev-key.json"))).toThrow("ENOENT");
  });

  test("a file that others can read, or that is damaged, is refused with the next step", () => {
    const path = join(folder, "dev-key.json");
    loadDevKey(folder, false);
    chmodSync(path, 0o644);
    expect(() => loadDevKey(folder, false)).toThrow(`run chmod 600 ${path}`);
    chmodSync(path, 0o600);
    writeFileSync(path, readFileSync(path, "utf8").slice(0, 40));
    expect(() => loadDevKey(folder, false)).toThrow("delete it, and a new one is made");
  });
});

describe("loadKeys", () => {
  const jwt = { TIDEGATE_JWT_ISSUER: "i", TIDEGATE_JWT_AUDIENCE: "a" };
  const k = Buffer.alloc(32, 1).toString("base64url");
  const text = JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", kid: "a", k }] });

  test("without a setting the development key is the only one", () => {
    const loaded = loadKeys(parseConfig({ TIDEGATE_DATA: folder }));
    expect(loaded.devKey).toBeDefined();
    expect(loaded.keys).toEqual(loaded.devKey ? [loaded.devKey] : []);
  });

  test("a key set is read from a file or from the setting itself", () => {
    const path = join(folder, "keys.json");
    writeFileSync(path, text);
    for (const TIDEGATE_JWT_KEYS of [path, text]) {
      const { keys, devKey } = loadKeys(parseConfig({ ...jwt, TIDEGATE_JWT_KEYS }));
      expect(keys.map((key) => key.kid)).toEqual(["a"]);
      expect(devKey).toBeUndefined();
    }
  });

  test("a file that is missing or no key set is a fault of the setting", () => {
    const config = (path: string) => parseConfig({ ...jwt, TIDEGATE_JWT_KEYS: path });
    const path = join(folder, "keys.json");
    expect(() => loadKeys(config(path))).toThrow(/^TIDEGATE_JWT_KEYS names a file .*ENOENT/);
    writeFileSync(path, '{"keys":[]}');
    expect(() => loadKeys(config(path))).toThrow(ConfigError);
  });

  test("the development key's file is no key set for production", () => {
    loadDevKey(folder, false);
    const path = join(folder, "dev-key.json");
    const env = { ...jwt, TIDEGATE_JWT_KEYS: path, NODE_ENV: "production" };
    expect(() => loadKeys(parseConfig(env))).toThrow("holds a development key");
  });
});
