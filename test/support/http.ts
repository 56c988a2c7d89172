import { createHttpApp } from "../../gateway/http/app.ts";
import type { HttpDeps } from "../../gateway/http/deps.ts";
import type { MessageService } from "../../gateway/message-service.ts";
import {
  createMemoryTelemetry,
  type MemoryTelemetry,
} from "../../src/adapters/memory/telemetry.ts";
import { AppError } from "../../src/errors.ts";
import { Health } from "../../src/health.ts";
import { limitsWith } from "../../src/limits.ts";
import type { Identity } from "../../src/ports/authenticator.ts";
import type { Problem } from "../../src/wire/http.ts";

export const ANA: Identity = {
  tenant: "acme",
  user: "ana",
  capabilities: { "*": ["send", "history"] },
  expiresAt: undefined,
};
export const MADE_KEY = "01a1fde6-6d59-7fb9-b5a5-82a86fc7dcf7";
export const SERVER = "http://gateway.example";

type Call =
  | ["send", Identity, Parameters<MessageService["send"]>[1]]
  | ["history", Identity, Parameters<MessageService["history"]>[1]];

export interface HttpRig {
  readonly fetch: (path: string, init?: RequestInit) => Promise<Response>;
  /** POST with a token and a JSON body, both of which `init` may replace. */
  readonly post: (path: string, body: unknown, init?: RequestInit) => Promise<Response>;
  readonly calls: Call[];
  readonly telemetry: MemoryTelemetry;
  readonly health: Health;
}

/** The HTTP app on a message service that notes its calls and has no rules of its own. */
export function createHttpRig(
  changes: Partial<HttpDeps> = {},
  answers: Partial<MessageService> = {},
): HttpRig {
  const calls: Call[] = [];
  const telemetry = createMemoryTelemetry();
  const health = new Health();
  const app = createHttpApp({
    authenticator: {
      authenticate(token) {
        if (token === "good") return Promise.resolve(ANA);
        if (token === "old") return Promise.reject(new AppError("token_expired"));
        return Promise.reject(new AppError("unauthenticated", "The token's kid is not known here"));
      },
    },
    messages: {
      send(identity, command) {
        calls.push(["send", identity, command]);
        const at = { partition: 3, offset: "41" };
        const receipt = { message: `${command.key}.scope`, durability: "disk", at } as const;
        return answers.send?.(identity, command) ?? Promise.resolve(receipt);
      },
      history(identity, query) {
        calls.push(["history", identity, query]);
        return answers.history?.(identity, query) ?? Promise.resolve('{"events":[]}');
      },
    },
    ingest: { take: () => Promise.reject(new AppError("not_found")) },
    health,
    clock: { monotonic: () => performance.now() },
    random: { uuidv7: () => MADE_KEY },
    telemetry,
    limits: limitsWith(),
    config: { allowedOrigins: "same" },
    metrics: () => Promise.resolve({ contentType: "text/plain; version=0.0.4", text: "up 1\n" }),
    mintToken: undefined,
    ...changes,
  });
  const send = async (path: string, init: RequestInit = {}): Promise<Response> => {
    const headers = new Headers(init.headers);
    if (!headers.has("Host")) headers.set("Host", "gateway.example");
    return app.fetch(new Request(`${SERVER}${path}`, { ...init, headers }));
  };
  return {
    calls,
    telemetry,
    health,
    fetch: send,
    post: (path, body, init = {}) =>
      send(path, {
        method: "POST",
        body: typeof body === "string" ? body : JSON.stringify(body),
        ...init,
        headers: {
          Authorization: "Bearer good",
          "Content-Type": "application/json",
          ...(init.headers as Record<string, string> | undefined),
        },
      }),
  };
}

export async function problemIn(response: Response): Promise<Problem> {
  if (response.headers.get("Content-Type") !== "application/problem+json") {
    throw new Error(`not a problem: ${response.status} ${await response.text()}`);
  }
  return (await response.json()) as Problem;
}
