import { Hono, type Context, type Handler, type MiddlewareHandler } from "hono";
import { AppError, asAppError, clientError } from "../../src/errors.ts";
import { cors } from "./cors.ts";
import type { HttpDeps } from "./deps.ts";
import { makeDevToken } from "./dev-token.ts";
import { publishEvents } from "./events.ts";
import { readMessages, sendMessage } from "./messages.ts";
import { observeHttp, type HttpObserver, type RouteName } from "./observe.ts";
import { problemOf } from "./problem.ts";

export interface HttpApp {
  fetch(request: Request): Response | Promise<Response>;
}

type Env = { Variables: { route: RouteName } };

/** Everything over HTTP but the upgrade to a socket. What is not here is answered as `not_found`. */
export function createHttpApp(deps: HttpDeps): HttpApp {
  const app = new Hono<Env>();
  app.use("*", admit(deps, observeHttp(deps)));
  app.use("/v1/*", cors(deps.config), guard);
  app.use("/dev/*", cors(deps.config), guard);
  addHealth(app, deps);

  route(app, "history", "GET", MESSAGES, (context) => readMessages(context, deps));
  route(app, "send", "POST", MESSAGES, (context) => sendMessage(context, deps));
  onlyMethods(app, MESSAGES, "GET, POST");
  route(app, "ingest", "POST", EVENTS, (context) => publishEvents(context, deps));
  onlyMethods(app, EVENTS, "POST");
  const { mintToken } = deps;
  if (mintToken !== undefined) {
    route(app, "dev_token", "POST", DEV_TOKEN, (context) => makeDevToken(context, deps, mintToken));
    onlyMethods(app, DEV_TOKEN, "POST");
  }

  app.notFound((context) => fail(context, deps, new AppError("not_found")));
  app.onError((error, context) => fail(context, deps, error));
  return { fetch: (request) => app.fetch(request) };
}

const MESSAGES = "/v1/conversations/:conversation/messages";
const EVENTS = "/v1/events";
const DEV_TOKEN = "/dev/token";
const LIMITED = /^\/(?:v1|dev)\//;

function addHealth(app: Hono<Env>, { health, metrics }: HttpDeps): void {
  route(app, "health", "GET", "/livez", (context) => context.json(health.live()));
  route(app, "health", "GET", "/readyz", (context) => {
    const reply = health.ready();
    return context.json(reply, reply.status === "ready" ? 200 : 503);
  });
  route(app, "metrics", "GET", "/metrics", async (context) => {
    const { contentType, text } = await metrics();
    return context.body(text, 200, { "Content-Type": contentType });
  });
  for (const path of ["/livez", "/readyz", "/metrics"]) onlyMethods(app, path, "GET");
}

function route(
  app: Hono<Env>,
  name: RouteName,
  method: "GET" | "POST",
  path: string,
  handler: Handler<Env>,
): void {
  const named: MiddlewareHandler<Env> = (context, next) => {
    context.set("route", name);
    return next();
  };
  app.on(method, path, named, handler);
}

function onlyMethods(app: Hono<Env>, path: string, allow: string): void {
  app.all(path, (context) => {
    context.header("Allow", allow);
    throw new AppError("method_not_allowed");
  });
}

/** Counts every request, and refuses those beyond the limit; health is always told. */
function admit(deps: HttpDeps, observer: HttpObserver): MiddlewareHandler<Env> {
  const { limits, clock } = deps;
  return async (context, next): Promise<Response | undefined> => {
    const startedAt = clock.monotonic();
    const isFull = observer.inFlight >= limits.httpInFlightMax;
    observer.started();
    let status = 500;
    try {
      if (isFull && LIMITED.test(context.req.path)) {
        const response = fail(context, deps, new AppError("overloaded"));
        status = response.status;
        return response;
      }
      await next();
      status = context.res.status;
      return undefined;
    } finally {
      const seconds = (clock.monotonic() - startedAt) / 1000;
      observer.ended(context.get("route") ?? "other", status, seconds);
    }
  };
}

/** Answers hold what only their caller may see, and are never anything but what they say. */
const guard: MiddlewareHandler = async (context, next) => {
  context.header("Cache-Control", "no-store");
  context.header("X-Content-Type-Options", "nosniff");
  await next();
};

/** Headers that were set before (CORS, Allow) stay: pages must be able to read a refusal too. */
function fail(context: Context<Env>, deps: HttpDeps, thrown: unknown): Response {
  const error = asAppError(thrown);
  const instance = `urn:uuid:${deps.random.uuidv7()}`;
  if (clientError(error).code === "internal") {
    deps.telemetry.log("error", "a request failed", { instance, error });
  }
  const { status, headers, text } = problemOf(error, instance);
  return context.body(text, status, headers);
}
