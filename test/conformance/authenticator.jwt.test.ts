import { JWT_ALGORITHMS } from "../../src/key-set.ts";
import { limitsWith } from "../../src/limits.ts";
import { CLAIMS, NOW_MS, testAuthenticator, testKey } from "../support/jwt.ts";
import { authenticatorConformance } from "./authenticator.ts";

for (const alg of JWT_ALGORITHMS) {
  const key = testKey(alg, `key-${alg}`);
  authenticatorConformance(`jwt with ${alg}`, async () => {
    const trusted = await key;
    return {
      authenticator: await testAuthenticator(trusted),
      nowMs: NOW_MS,
      toleranceSeconds: limitsWith().tokenClockToleranceMs / 1000,
      sign: (claims) => trusted.sign(claims),
      claims: CLAIMS,
    };
  });
}
