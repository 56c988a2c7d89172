import { expect, test } from "bun:test";
import { createTokenIssuer } from "../../../../src/adapters/jwt/issue.ts";
import { refusal } from "../../../conformance/authenticator.ts";
import { CLAIMS, NOW_MS, testAuthenticator, testKey } from "../../../support/jwt.ts";

test("an issued token is accepted until its lifetime is over", async () => {
  const key = await testKey("HS256", "dev-1");
  if (key.jwk.alg !== "HS256") throw new Error("not a secret");
  const issuing = { key: key.jwk, issuer: CLAIMS.iss, audience: CLAIMS.aud };
  const authenticator = await testAuthenticator(key);
  const grant = {
    tenant: "demo",
    user: "zoë",
    capabilities: { "*": ["send"] },
    lifetimeMs: 3_600_000,
  } as const;

  const fresh = await createTokenIssuer({ ...issuing, clock: { now: () => NOW_MS } });
  const identity = await authenticator.authenticate(await fresh(grant));
  expect(identity).toMatchObject({ tenant: "demo", user: "zoë" });
  expect(identity.capabilities["*"]).toEqual(["send"]);
  expect(identity.expiresAt).toBe(Math.floor(NOW_MS / 1000) + 3_600);

  const old = await createTokenIssuer({ ...issuing, clock: { now: () => NOW_MS - 3_700_000 } });
  expect((await refusal(authenticator, await old(grant))).code).toBe("token_expired");
});
