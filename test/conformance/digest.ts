import { describe, expect, test } from "bun:test";
import type { Digest } from "../../src/ports/digest.ts";

const toHex = (base36: string): string => {
  let value = 0n;
  for (const digit of base36) value = value * 36n + BigInt(Number.parseInt(digit, 36));
  return value.toString(16).padStart(16, "0");
};

/** Every sentence of the port `digest`, for one adapter. */
export function digestConformance(name: string, create: () => Digest) {
  const digest = create();
  describe(`digest: ${name}`, () => {
    // FIPS 180-4 examples and NIST's CAVP: the first 24 hexadecimal digits of SHA-256.
    test.each([
      ["", "e3b0c44298fc1c149afbf4c8"],
      ["abc", "ba7816bf8f01cfea414140de"],
      ["abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", "248d6a61d20638b8e5c02693"],
    ])("scope of %j is the published SHA-256", (text, hex) => {
      const scope = digest.scope(text);
      expect(Buffer.from(scope, "base64url").toString("hex")).toBe(hex);
      expect(scope).toHaveLength(16);
    });

    // XXH64 with seed 0, from the reference implementation's and its ports' test suites.
    test.each([
      ["", "ef46db3751d8e999"],
      ["a", "d24ec4f1a98c6e5b"],
      ["abc", "44bc2cf5ad770999"],
      ["Nobody inspects the spammish repetition", "fbcea83c8a378bf1"],
    ])("fingerprint of %j is the published xxHash64", (text, hex) => {
      expect(toHex(digest.fingerprint(text))).toBe(hex);
    });

    test("text beyond ASCII is hashed as its UTF-8", () => {
      for (const text of ["é", "zoë räum", "漢字", "😀 and é", "\u2028"]) {
        const utf8 = Buffer.from(text, "utf8");
        expect(toHex(digest.fingerprint(text))).toBe(
          Bun.hash.xxHash64(utf8).toString(16).padStart(16, "0"),
        );
        expect(digest.scope(text)).toBe(
          new Bun.CryptoHasher("sha256").update(utf8).digest("base64url").slice(0, 16),
        );
      }
    });

    test("results that logs already hold stay what they are", () => {
      expect(digest.scope('["acme","general","ana"]')).toBe("WxREeo4ddcQEFQdG");
      expect(digest.fingerprint('text{"text":"héllo 😀"}')).toBe("2q54u9i9dx11y");
    });
  });
}
