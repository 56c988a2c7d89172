import type { MiddlewareHandler } from "hono";
import type { Config } from "../../src/config.ts";
import { AppError } from "../../src/errors.ts";
import { originAllowed } from "../origin.ts";

const PREFLIGHT_SECONDS = "600";

/**
 * Lets pages of allowed origins call (WHATWG Fetch, CORS protocol), and refuses all other pages
 * before anything is done for them: the protocol alone would only hide the answer. No credentials:
 * tokens go in a header that pages set themselves.
 */
export function cors(config: Pick<Config, "allowedOrigins">): MiddlewareHandler {
  return async (context, next) => {
    context.header("Vary", "Origin");
    const origin = context.req.header("Origin");
    if (origin !== undefined) {
      if (!originAllowed(origin, context.req.header("Host"), config)) {
        throw new AppError("origin_forbidden");
      }
      context.header("Access-Control-Allow-Origin", origin);
      context.header("Access-Control-Expose-Headers", "Retry-After");
    }
    if (context.req.method !== "OPTIONS") return next();
    context.header("Access-Control-Allow-Methods", "GET, POST");
    context.header(
      "Access-Control-Allow-Headers",
      "Authorization, Content-Encoding, Content-Type, Idempotency-Key, traceparent",
    );
    context.header("Access-Control-Max-Age", PREFLIGHT_SECONDS);
    return context.body(null, 204);
  };
}
