import { expect, test } from "bun:test";
import { parseKeySet } from "../../src/key-set.ts";
import { limitsWith } from "../../src/limits.ts";

const secret = Buffer.alloc(32, 7).toString("base64url");
const oct = { kty: "oct", alg: "HS256", kid: "a", k: secret };
const faults = (...keys: readonly unknown[]): readonly string[] => {
  const parsed = parseKeySet(JSON.stringify({ keys }));
  return parsed.ok ? [] : parsed.faults;
};

test("a key without alg, with another alg, or of another kind than its alg is refused", () => {
  const { alg: _, ...bare } = oct;
  const list = "is missing or not one of HS256, RS256, ES256, EdDSA";
  expect(faults(bare)).toEqual([`keys.0.alg: ${list}`]);
  expect(faults({ ...oct, alg: "none" })).toEqual([`keys.0.alg: ${list}`]);
  expect(faults({ ...oct, kty: "RSA" })[0]).toStartWith("keys.0.kty:");
});

test("a key without kid and a kid that is there twice are refused", () => {
  expect(faults({ ...oct, kid: undefined })[0]).toStartWith("keys.0.kid:");
  expect(faults(oct, oct)).toEqual(["kid a is there twice"]);
});

test("short secrets and short RSA moduli are refused", () => {
  const short = Buffer.alloc(31, 7).toString("base64url");
  expect(faults({ ...oct, k: short })).toEqual(["keys.0.k: holds fewer than 32 bytes"]);
  const n = Buffer.alloc(128, 7).toString("base64url");
  expect(faults({ kty: "RSA", alg: "RS256", kid: "r", n, e: "AQAB" })).toEqual([
    "keys.0.n: has fewer than 2048 bits",
  ]);
});

test("a set that is none, and a key without a part, are told in plain words", () => {
  const faultsOf = (text: string) => {
    const parsed = parseKeySet(text);
    return parsed.ok ? [] : parsed.faults;
  };
  expect(faultsOf("[]")).toEqual(['is no object {"keys": […]}']);
  expect(faultsOf("{}")).toEqual(["keys: is missing or no list"]);
  expect(faultsOf('{"keys":[]}')).toEqual(["keys: is empty"]);
  expect(faults({ ...oct, kid: undefined, kty: "RSA", k: undefined })).toEqual([
    "keys.0.kid: is missing or not 1 to 200 characters",
    'keys.0.kty: is missing or not "oct"',
    "keys.0.k: is missing",
  ]);
});

test("private parts of asymmetric keys and keys for encryption are refused", () => {
  const okp = { kty: "OKP", alg: "EdDSA", crv: "Ed25519", kid: "e", x: secret };
  expect(faults(okp)).toEqual([]);
  expect(faults({ ...okp, d: secret })[0]).toContain("private part");
  expect(faults({ ...okp, use: "enc" })[0]).toStartWith("keys.0.use:");
  expect(faults({ ...okp, key_ops: ["sign"] })[0]).toStartWith("keys.0.key_ops:");
});

test("a set holds keys, and a key's id characters, up to their limits", () => {
  const { jwtKeysMax, keyIdCharsMax } = limitsWith();
  const keys = (count: number) =>
    Array.from({ length: count }, (_, i) => ({ ...oct, kid: `${i}` }));
  expect(faults(...keys(jwtKeysMax))).toEqual([]);
  expect(faults(...keys(jwtKeysMax + 1))).toHaveLength(1);
  expect(faults({ ...oct, kid: "k".repeat(keyIdCharsMax) })).toEqual([]);
  expect(faults({ ...oct, kid: "k".repeat(keyIdCharsMax + 1) })).toHaveLength(1);
});

test("an empty set and text that is not JSON are refused", () => {
  expect(faults()).toHaveLength(1);
  expect(parseKeySet("keys")).toEqual({ ok: false, faults: ["is not JSON"] });
});
