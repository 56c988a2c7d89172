import { describe, expect, test } from "bun:test";
import { AppError } from "../../src/errors.ts";
import { limitsWith } from "../../src/limits.ts";
import type { Authenticator } from "../../src/ports/authenticator.ts";

/** What an adapter gives the suite: itself at a fixed time, and someone whom it trusts. */
export interface AuthenticatorRig {
  readonly authenticator: Authenticator;
  /** The adapter's time; milliseconds since 1970. */
  readonly nowMs: number;
  /** The most that clocks may differ, in seconds. */
  readonly toleranceSeconds: number;
  /** A token with these claims and no others, signed by a trusted key. */
  sign(claims: Readonly<Record<string, unknown>>): Promise<string>;
  /** Claims of a good token, without times: issuer, audience, tenant acme, sub ana. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The refusal of a token, which must be an AppError. */
export async function refusal(authenticator: Authenticator, token: string): Promise<AppError> {
  const outcome = await authenticator.authenticate(token).then(
    () => new Error("the token was accepted"),
    (error: unknown) => error,
  );
  if (!(outcome instanceof AppError)) throw outcome;
  return outcome;
}

const limits = limitsWith();

/** Every sentence of the port `authenticator`, for one adapter. */
export function authenticatorConformance(name: string, create: () => Promise<AuthenticatorRig>) {
  describe(`authenticator: ${name}`, () => {
    const refuses = (title: string, code: string, of: (rig: AuthenticatorRig) => unknown) =>
      test(`refuses ${title}`, async () => {
        const rig = await create();
        const token = await rig.sign(of(rig) as Record<string, unknown>);
        expect((await refusal(rig.authenticator, token)).code as string).toBe(code);
      });
    const seconds = (rig: AuthenticatorRig, offset: number): number =>
      Math.floor(rig.nowMs / 1000) + offset;

    test("a good token gives who it is and what it may do", async () => {
      const rig = await create();
      const exp = seconds(rig, 60);
      const capabilities = { "room-*": ["subscribe", "send"], lobby: ["history"] };
      const token = await rig.sign({ ...rig.claims, exp, capabilities });
      const identity = await rig.authenticator.authenticate(token);
      expect({ ...identity, capabilities: { ...identity.capabilities } }).toEqual({
        tenant: "acme",
        user: "ana",
        capabilities: { "room-*": ["subscribe", "send"], lobby: ["history"] },
        expiresAt: exp,
      });
    });

    test("a token without capabilities allows nothing", async () => {
      const rig = await create();
      const identity = await rig.authenticator.authenticate(await rig.sign(rig.claims));
      expect(Object.keys(identity.capabilities)).toEqual([]);
    });

    test("a token without exp has no end", async () => {
      const rig = await create();
      const identity = await rig.authenticator.authenticate(await rig.sign(rig.claims));
      expect(identity.expiresAt).toBeUndefined();
    });

    test("capabilities that are not known here are left out", async () => {
      const rig = await create();
      const capabilities = { "*": ["send", "teleport", 7] };
      const token = await rig.sign({ ...rig.claims, capabilities });
      const identity = await rig.authenticator.authenticate(token);
      expect(identity.capabilities["*"]).toEqual(["send"]);
    });

    test("names that every object has are patterns like any other", async () => {
      const rig = await create();
      const text = '{"__proto__":["send"],"constructor":["history"]}';
      const capabilities: unknown = JSON.parse(text);
      const token = await rig.sign({ ...rig.claims, capabilities });
      const identity = await rig.authenticator.authenticate(token);
      expect(Object.keys(identity.capabilities).toSorted()).toEqual(["__proto__", "constructor"]);
    });

    test("expiry and not-before are forgiven by the clock tolerance and no more", async () => {
      const rig = await create();
      const late = rig.toleranceSeconds - 1;
      const inTime = { exp: seconds(rig, -late), nbf: seconds(rig, late) };
      await rig.authenticator.authenticate(await rig.sign({ ...rig.claims, ...inTime }));
      const expired = { exp: seconds(rig, -rig.toleranceSeconds - 1) };
      const token = await rig.sign({ ...rig.claims, ...expired });
      expect((await refusal(rig.authenticator, token)).code).toBe("token_expired");
    });

    refuses("an expired token", "token_expired", (rig) => ({
      ...rig.claims,
      exp: seconds(rig, -3_600),
    }));
    refuses("a token whose nbf is in the future", "unauthenticated", (rig) => ({
      ...rig.claims,
      nbf: seconds(rig, 3_600),
    }));
    for (const claim of ["iss", "aud", "sub", "tenant"]) {
      refuses(`a token without ${claim}`, "unauthenticated", (rig) => ({
        ...rig.claims,
        [claim]: undefined,
      }));
      refuses(`a token of another ${claim} type`, "unauthenticated", (rig) => ({
        ...rig.claims,
        [claim]: 7,
      }));
    }
    for (const claim of ["iss", "aud"]) {
      refuses(`a token of another ${claim}`, "unauthenticated", (rig) => ({
        ...rig.claims,
        [claim]: "someone-else",
      }));
    }
    refuses("times that are not numbers", "unauthenticated", (rig) => ({
      ...rig.claims,
      exp: "tomorrow",
    }));

    const names = ["", "Acme", "a--b", "a/b", "a.b", "-a", `${"a".repeat(41)}`, "acme\n", "../x"];
    for (const tenant of names) {
      refuses(`the tenant ${JSON.stringify(tenant)}`, "unauthenticated", (rig) => ({
        ...rig.claims,
        tenant,
      }));
    }
    for (const sub of ["", "a\u0000b", "a\nb", "\ud800", "é".repeat(101)]) {
      refuses(`the user ${JSON.stringify(sub).slice(0, 20)}`, "unauthenticated", (rig) => ({
        ...rig.claims,
        sub,
      }));
    }

    const patterns = (count: number) =>
      Object.fromEntries(Array.from({ length: count }, (_, i) => [`r${i}`, ["send"]]));
    const capabilities: Record<string, unknown> = {
      "a list": ["send"],
      "a string": "send",
      null: null,
      "a pattern without list": { "*": "send" },
      "an empty pattern": { "": ["send"] },
      "a pattern with a control character": { "a\tb": ["send"] },
      "a pattern that is too long": {
        ["x".repeat(limits.capabilityPatternBytesMax + 1)]: ["send"],
      },
      "too many patterns": patterns(limits.capabilityPatternsMax + 1),
    };
    for (const [what, claim] of Object.entries(capabilities)) {
      refuses(`capabilities that are ${what}`, "unauthenticated", (rig) => ({
        ...rig.claims,
        capabilities: claim,
      }));
    }

    test("capabilities are taken up to their limits", async () => {
      const rig = await create();
      const long = "x".repeat(limits.capabilityPatternBytesMax);
      const most = { ...patterns(limits.capabilityPatternsMax - 1), [long]: ["send"] };
      const token = await rig.sign({ ...rig.claims, capabilities: most });
      const identity = await rig.authenticator.authenticate(token);
      expect(Object.keys(identity.capabilities)).toHaveLength(limits.capabilityPatternsMax);
    });

    refuses("a token that is too long", "unauthenticated", (rig) => ({
      ...rig.claims,
      padding: "x".repeat(limits.tokenBytesMax),
    }));

    test("a token that was altered anywhere is refused", async () => {
      const rig = await create();
      const token = await rig.sign(rig.claims);
      const [header = "", payload = "", signature = ""] = token.split(".");
      const forged = Buffer.from(
        JSON.stringify({ ...rig.claims, tenant: "globex" }),
        "utf8",
      ).toString("base64url");
      const flipped = `${signature[0] === "A" ? "B" : "A"}${signature.slice(1)}`;
      const altered = [
        `${header}.${forged}.${signature}`,
        `${header}.${payload}.${flipped}`,
        `${header}.${payload}.`,
        `${header}.${payload}`,
        `${payload}.${header}.${signature}`,
        `${token}.${signature}`,
      ];
      for (const text of altered) {
        expect((await refusal(rig.authenticator, text)).code).toBe("unauthenticated");
      }
    });

    test.each(["", ".", "..", "...", "null", "{}", "a.b.c", "😀.😀.😀", "\u0000"])(
      "text that is no token is refused: %j",
      async (text) => {
        const { authenticator } = await create();
        expect((await refusal(authenticator, text)).code).toBe("unauthenticated");
      },
    );

    test("a refusal's message repeats nothing of the token", async () => {
      const rig = await create();
      const token = await rig.sign({ ...rig.claims, tenant: "Sesame!", aud: "hush-hush" });
      const { message } = await refusal(rig.authenticator, token);
      for (const part of ["Sesame", "hush", ...token.split(".")]) {
        expect(message).not.toContain(part);
      }
    });
  });
}
