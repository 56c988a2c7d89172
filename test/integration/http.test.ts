import { afterAll, beforeAll, describe, expect, test } from "bun:test";
import { createHttpApp } from "../../gateway/http/app.ts";
import { createJwtAuthenticator } from "../../src/adapters/jwt/authenticator.ts";
import { createTokenIssuer, type TokenIssuer } from "../../src/adapters/jwt/issue.ts";
import {
  createPrometheusTelemetry,
  type PrometheusTelemetry,
} from "../../src/adapters/prometheus/telemetry.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { AppError } from "../../src/errors.ts";
import { Health } from "../../src/health.ts";
import { limitsWith } from "../../src/limits.ts";
import { sampleOf } from "../support/exposition.ts";
import { problemIn } from "../support/http.ts";
import { CLAIMS, testKey } from "../support/jwt.ts";

const limits = limitsWith();
const clock = createSystemClock();
let server: ReturnType<typeof Bun.serve>;
let telemetry: PrometheusTelemetry;
let issue: TokenIssuer;
let contents: string[];

beforeAll(async () => {
  const { jwk } = await testKey("HS256", "dev-1");
  if (jwk.alg !== "HS256") throw new Error("not a secret");
  const trust = { issuer: CLAIMS.iss, audience: CLAIMS.aud, clock };
  issue = await createTokenIssuer({ ...trust, key: jwk });
  telemetry = createPrometheusTelemetry({ clock, limits, level: "info", write: () => {} });
  contents = [];
  const app = createHttpApp({
    authenticator: await createJwtAuthenticator({ ...trust, keys: [jwk], limits }),
    messages: {
      send(_, { key, content }) {
        contents.push(content);
        return Promise.resolve({ message: `${key}.x`, durability: "disk" });
      },
      history: () => Promise.resolve("{}"),
    },
    ingest: { take: () => Promise.reject(new AppError("not_found")) },
    health: new Health(),
    clock,
    random: createSystemRandom(),
    telemetry,
    limits,
    config: { allowedOrigins: "same" },
    metrics: async () => ({ contentType: telemetry.contentType, text: await telemetry.scrape() }),
    mintToken: issue,
  });
  server = Bun.serve({ port: 0, hostname: "127.0.0.1", fetch: (request) => app.fetch(request) });
});
afterAll(async () => {
  await server.stop(true);
  telemetry.close();
});

const url = (path: string): string => new URL(path, server.url).href;
const post = async (
  path: string,
  body: string | ReadableStream<Uint8Array>,
  headers: Record<string, string> = {},
) =>
  fetch(url(path), {
    method: "POST",
    body,
    headers: { "Content-Type": "application/json", ...headers },
  });

describe("the HTTP side on a real server", () => {
  const PATH = "/v1/conversations/caf%C3%A9%2F1/messages";

  test("a token from /dev/token sends a message whose content arrives to the byte", async () => {
    const answer = await post("/dev/token", '{"user":"ana"}');
    const { token } = (await answer.json()) as { token: string };
    const content = '{"text":"h\\u00e9llo 😀 \\" 漢字"}';
    const response = await post(PATH, `{"content":${content}}`, {
      Authorization: `Bearer ${token}`,
    });
    expect(response.status).toBe(201);
    expect(((await response.json()) as { key: string }).key).toMatch(/^[0-9a-f-]{36}$/);
    expect(contents).toEqual([content]);
  });

  test("a body that never ends is refused at its limit, and the server goes on", async () => {
    const token = await issue({
      tenant: "acme",
      user: "ana",
      capabilities: { "*": ["send"] },
      lifetimeMs: 60_000,
    });
    let sent = 0;
    const endless = new ReadableStream<Uint8Array>({
      async pull(controller) {
        sent += 65_536;
        controller.enqueue(new Uint8Array(65_536).fill(32));
        await new Promise<void>((resolve) => clock.defer(resolve));
      },
    });
    const response = await post(PATH, endless, { Authorization: `Bearer ${token}` });
    expect(await problemIn(response)).toMatchObject({ status: 413, code: "content_too_large" });
    expect(sent).toBeLessThan(64 * limits.httpBodyBytesMax);
    expect((await fetch(url("/livez"))).status).toBe(200);
  });

  test("a refused request's unread body does not disturb the next one on its connection", async () => {
    for (let i = 0; i < 5; i++) {
      const response = await post(PATH, "x".repeat(200_000), { Authorization: "Bearer nobody" });
      expect(await problemIn(response)).toMatchObject({ status: 401, code: "unauthenticated" });
    }
    expect((await fetch(url("/readyz"))).status).toBe(200);
  });

  test("a HEAD request gets the headers of its GET", async () => {
    const response = await fetch(url("/metrics"), { method: "HEAD" });
    expect(response.status).toBe(200);
    expect(response.headers.get("Content-Type")).toBe(telemetry.contentType);
  });

  test("the metrics tell of the requests before", async () => {
    const text = await (await fetch(url("/metrics"))).text();
    const labels = { route: "health", status: "2xx" };
    expect(sampleOf(text, "tidegate_http_requests_total", labels)).toBeGreaterThanOrEqual(1);
  });
});
