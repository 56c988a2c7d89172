import { afterEach, expect, test } from "bun:test";
import { createTokenSource } from "../../../cli/cluster/token-source.ts";
import { rejection } from "../../support/rejection.ts";

const servers: Bun.Server<undefined>[] = [];
afterEach(() => Promise.all(servers.splice(0).map((server) => server.stop(true))));

/** A token endpoint that gives what it is told. */
function endpoint(answer: (request: Request) => Response | Promise<Response>): string {
  const server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: answer });
  servers.push(server);
  return `http://127.0.0.1:${server.port}/token`;
}

const client = { clientId: "tide gate", clientSecret: "s:cret é", timeoutMs: 5_000 };

test("asks with the client's credentials and the scope (RFC 6749, 2.3.1 and 4.4.2)", async () => {
  let seen: { authorization: string | null; body: string } | undefined;
  const url = endpoint(async (request) => {
    seen = { authorization: request.headers.get("authorization"), body: await request.text() };
    return Response.json({ access_token: "t1", expires_in: 60 });
  });
  const token = createTokenSource({ ...client, endpoint: url, scope: "kafka produce" });
  expect(await token()).toBe("t1");
  expect(seen?.body).toBe("grant_type=client_credentials&scope=kafka+produce");
  const credentials = Buffer.from(seen?.authorization?.slice("Basic ".length) ?? "", "base64");
  expect(credentials.toString()).toBe("tide%20gate:s%3Acret%20%C3%A9");
});

test("gives a token again while it is good, and not one without a lifetime", async () => {
  let given = 0;
  let lifetime: number | undefined = 60;
  const url = endpoint(() =>
    Response.json({ access_token: `t${++given}`, ...(lifetime ? { expires_in: lifetime } : {}) }),
  );
  const kept = createTokenSource({ ...client, endpoint: url, scope: undefined });
  expect([await kept(), await kept()]).toEqual(["t1", "t1"]);
  lifetime = undefined;
  const fresh = createTokenSource({ ...client, endpoint: url, scope: undefined });
  expect([await fresh(), await fresh()]).toEqual(["t2", "t3"]);
});

test("an endpoint that refuses, or gives no token, is named by its setting and no secret", async () => {
  for (const answer of [
    () => new Response("nope", { status: 401 }),
    () => Response.json({ token: "elsewhere" }),
  ]) {
    const token = createTokenSource({ ...client, endpoint: endpoint(answer), scope: undefined });
    const error = await rejection(token());
    expect(String(error)).toContain("KAFKA_SASL_TOKEN_ENDPOINT");
    expect(String(error)).not.toContain("cret");
  }
});
