import { expect, test } from "bun:test";
import { problemOf } from "../../../../gateway/http/problem.ts";
import { checkElsewhere } from "../../../../load/k6/runner/elsewhere.ts";
import { createJwtAuthenticator } from "../../../../src/adapters/jwt/authenticator.ts";
import { createSystemClock } from "../../../../src/adapters/system/clock.ts";
import { asAppError } from "../../../../src/errors.ts";
import { limitsWith } from "../../../../src/limits.ts";

const secretOf = (byte: number): string => Buffer.alloc(32, byte).toString("base64url");

type Answer = (token: string, path: string) => Response | Promise<Response>;

/** What is said of a server that answers so, to a run with this key. */
async function faultOf(answer: Answer, secret = secretOf(7)): Promise<string | undefined> {
  await using server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: ({ headers, url }) =>
      answer((headers.get("Authorization") ?? "").replace("Bearer ", ""), new URL(url).pathname),
  });
  return await checkElsewhere({ TARGET_URL: server.url.origin, TOKEN_SECRET: secret });
}

test("a gateway that takes the run's tokens is no fault, whatever it has there", async () => {
  const authenticator = await createJwtAuthenticator({
    keys: [{ kty: "oct", alg: "HS256", kid: "load", k: secretOf(7) }],
    issuer: "tidegate-load",
    audience: "tidegate",
    clock: createSystemClock(),
    limits: limitsWith(),
  });
  const gateway: Answer = async (token, path) => {
    expect(path).toBe("/v1/conversations/k6/messages");
    try {
      expect((await authenticator.authenticate(token)).tenant).toBe("load");
      return Response.json({ events: [] });
    } catch (error) {
      const { status, headers, text } = problemOf(asAppError(error), "urn:uuid:0");
      return new Response(text, { status, headers });
    }
  };
  expect(await faultOf(gateway)).toBeUndefined();
  expect(await faultOf(gateway, secretOf(8))).toMatch(
    /^http:\S+ does not take tokens that are made with this key: The token's signature is not valid$/,
  );
  expect(await faultOf(() => new Response("busy", { status: 503 }))).toBeUndefined();
});

test("what is no gateway, and a key that is none, are told before anything is started", async () => {
  expect(await faultOf(() => new Response("hello"))).toMatch(/ is no gateway of Tidegate$/);
  expect(await faultOf(() => new Response("no", { status: 404 }))).toMatch(/ is no gateway/);
  expect(await faultOf(() => new Response(""), "a+b=")).toContain("is not base64url");
  const gone = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: () => new Response("") });
  const url = gone.url.origin;
  await gone.stop(true);
  const fault = await checkElsewhere({ TARGET_URL: url, TOKEN_SECRET: secretOf(7) });
  expect(fault).toStartWith(`nothing answers at ${url}: `);
});
