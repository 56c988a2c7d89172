import { beforeAll, describe, expect, test } from "bun:test";
import { createHmac, createPublicKey } from "node:crypto";
import type { Authenticator } from "../../../../src/ports/authenticator.ts";
import { refusal } from "../../../conformance/authenticator.ts";
import {
  CLAIMS,
  rawToken,
  testAuthenticator,
  testKey,
  type TestKey,
} from "../../../support/jwt.ts";

describe("createJwtAuthenticator", () => {
  let hs: TestKey;
  let rs: TestKey;
  let es: TestKey;
  let ed: TestKey;
  let authenticator: Authenticator;

  beforeAll(async () => {
    [hs, rs, es, ed] = await Promise.all([
      testKey("HS256", "hs"),
      testKey("RS256", "rs"),
      testKey("ES256", "es"),
      testKey("EdDSA", "ed"),
    ]);
    authenticator = await testAuthenticator(hs, rs, es, ed);
  });

  const message = async (token: string): Promise<string> => {
    const error = await refusal(authenticator, token);
    expect(error.code).toBe("unauthenticated");
    return error.message;
  };

  test("each key of a mixed set signs for itself", async () => {
    for (const key of [hs, rs, es, ed]) {
      expect((await authenticator.authenticate(await key.sign(CLAIMS))).user).toBe("ana");
    }
  });

  test.each(["none", "None", "NONE", ""])(
    "an unsigned token with alg %j is refused",
    async (alg) => {
      expect(await message(rawToken({ alg, kid: "hs" }, CLAIMS))).toContain("alg is not HS256");
      expect(await message(rawToken({ alg, kid: "rs" }, CLAIMS))).toContain("alg is not RS256");
    },
  );

  test("an RSA public key used as an HMAC secret signs nothing", async () => {
    const publicKey = createPublicKey({ key: { ...rs.jwk }, format: "jwk" });
    const pems = [
      publicKey.export({ type: "spki", format: "pem" }),
      publicKey.export({ type: "spki", format: "der" }),
      JSON.stringify(rs.jwk),
    ];
    for (const secret of pems) {
      const input = rawToken({ alg: "HS256", typ: "JWT", kid: "rs" }, CLAIMS).slice(0, -1);
      const signature = createHmac("sha256", secret).update(input).digest("base64url");
      expect(await message(`${input}.${signature}`)).toContain("alg is not RS256");
    }
  });

  test("a token may not name another algorithm of its key's kind", async () => {
    for (const alg of ["HS384", "HS512", "PS256", "RS512", "ES384"]) {
      for (const kid of ["hs", "rs", "es", "ed"]) {
        expect(await message(rawToken({ alg, kid }, CLAIMS, "AAAA"))).toContain(
          "The token's alg is not",
        );
      }
    }
  });

  test("a kid of no key, of another key, or none at all is refused", async () => {
    const foreign = await testKey("HS256", "hs");
    expect(await message(await hs.sign(CLAIMS, { kid: "who" }))).toContain("kid is not known");
    expect(await message(await foreign.sign(CLAIMS))).toContain("signature is not valid");
    expect(await message(await hs.sign(CLAIMS, { kid: "__proto__" }))).toContain(
      "kid is not known",
    );
    expect(await message(rawToken({ alg: "HS256" }, CLAIMS, "AAAA"))).toContain("no kid");
  });

  test("keys that come with the token are ignored", async () => {
    const foreign = await testKey("EdDSA", "ed");
    const header = { jwk: foreign.jwk, jku: "https://evil.example/jwks" } as Record<
      string,
      unknown
    >;
    expect(await message(await foreign.sign(CLAIMS, header))).toContain("signature is not valid");
  });

  test.each(["JWT", "jwt", "at+jwt", "application/at+jwt", undefined])(
    "typ %p is a token's",
    async (typ) => {
      const header = typ === undefined ? ({ typ } as unknown as { typ: string }) : { typ };
      const identity = await authenticator.authenticate(await es.sign(CLAIMS, header));
      expect(identity.tenant).toBe("acme");
    },
  );

  test.each(["dpop+jwt", "secevent+jwt", "logout+jwt", "JWE", ""])(
    "typ %j is another use's and is refused",
    async (typ) => {
      expect(await message(await es.sign(CLAIMS, { typ }))).toContain("typ");
    },
  );

  test("extensions that must be understood are refused", async () => {
    const header = { alg: "HS256", kid: "hs", crit: ["x-new"], "x-new": 1 };
    expect(await message(rawToken(header, CLAIMS, "AAAA"))).toContain("not a valid JWT");
  });

  test("one of several audiences is enough", async () => {
    const token = await ed.sign({ ...CLAIMS, aud: ["other", "tidegate"] });
    expect((await authenticator.authenticate(token)).user).toBe("ana");
  });

  test("a number beyond all numbers is not an expiry", async () => {
    const text = JSON.stringify(CLAIMS).replace(/}$/, ',"exp":1e999}');
    const head = Buffer.from('{"alg":"HS256","kid":"hs"}').toString("base64url");
    const input = `${head}.${Buffer.from(text).toString("base64url")}`;
    const secret = Buffer.from(hs.jwk.alg === "HS256" ? hs.jwk.k : "", "base64url");
    const signature = createHmac("sha256", secret).update(input).digest("base64url");
    expect(await message(`${input}.${signature}`)).toContain("exp is not a time");
  });
});
