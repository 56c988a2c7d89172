import { describe, expect, test } from "bun:test";
import { HTTP_STATUS, problemOf } from "../../../../gateway/http/problem.ts";
import { AppError, ERROR_TABLE, type ErrorCode } from "../../../../src/errors.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { problemSchema } from "../../../../src/wire/http.ts";
import { createHttpRig, MADE_KEY, problemIn, SERVER } from "../../../support/http.ts";

const PATH = "/v1/conversations/general/messages";
const content = { text: "hi" };

describe("problems", () => {
  test.each(Object.keys(ERROR_TABLE) as ErrorCode[])("%s is a valid problem", (code) => {
    const { text, status, headers } = problemOf(new AppError(code), "urn:uuid:x");
    const problem = problemSchema.parse(JSON.parse(text));
    expect(problem.status).toBe(status);
    expect(headers["Content-Type"]).toBe("application/problem+json");
    expect(HTTP_STATUS[problem.code]).toBe(status);
    if (status === 503 || status === 429) expect(Number(headers["Retry-After"])).toBeGreaterThan(0);
  });

  test("what only components tell each other, and bugs, show nothing of themselves", () => {
    for (const thrown of [
      new AppError("fenced", "owner 7 of chat.messages.acme"),
      new Error("x"),
    ]) {
      const { text } = problemOf(thrown, "urn:uuid:x");
      expect(JSON.parse(text)).toMatchObject({ code: "internal", detail: "Internal error" });
    }
  });

  test("a bug is logged under the name that its problem has", async () => {
    const error = new TypeError("undefined is not an object");
    const rig = createHttpRig({}, { send: () => Promise.reject(error) });
    const problem = await problemIn(await rig.post(PATH, { content }));
    expect(problem).toMatchObject({ status: 500, code: "internal" });
    expect(rig.telemetry.lines).toMatchObject([
      { level: "error", fields: { instance: problem.instance, error: { cause: error } } },
    ]);
  });

  test("an address that is not there and a method that it does not take are problems", async () => {
    const rig = createHttpRig();
    for (const path of ["/v2", "/v1/conversations", "/v1/conversations//messages", `${PATH}/`]) {
      expect(await problemIn(await rig.fetch(path))).toMatchObject({
        status: 404,
        code: "not_found",
      });
    }
    const response = await rig.fetch(PATH, { method: "DELETE" });
    expect(response.headers.get("Allow")).toBe("GET, POST");
    expect(await problemIn(response)).toMatchObject({ status: 405, code: "method_not_allowed" });
    expect((await rig.fetch("/metrics", { method: "POST" })).status).toBe(405);
  });
});

describe("pages of other origins", () => {
  const page = (origin: string) => ({ headers: { Origin: origin } });

  test("are refused before anything is done for them", async () => {
    const rig = createHttpRig();
    const response = await rig.post(PATH, { content }, page("https://evil.example"));
    expect(response.headers.get("Access-Control-Allow-Origin")).toBeNull();
    expect(response.headers.get("WWW-Authenticate")).toBeNull();
    expect(response.headers.get("Vary")).toContain("Origin");
    expect(await problemIn(response)).toMatchObject({ status: 403, code: "origin_forbidden" });
    expect(rig.calls).toEqual([]);
  });

  test("may call when they are allowed, and can read refusals too", async () => {
    const rig = createHttpRig({ config: { allowedOrigins: ["https://chat.example"] } });
    const taken = await rig.post(PATH, { content }, page("https://chat.example"));
    const refused = await rig.post(PATH, {}, page("https://chat.example"));
    expect([taken.status, refused.status]).toEqual([201, 400]);
    for (const { headers } of [taken, refused]) {
      expect(headers.get("Access-Control-Allow-Origin")).toBe("https://chat.example");
      expect(headers.get("Access-Control-Expose-Headers")).toBe("Retry-After");
      expect(headers.get("Vary")).toContain("Origin");
      expect(headers.get("X-Content-Type-Options")).toBe("nosniff");
    }
  });

  test("of the gateway's own origin may call", async () => {
    expect((await createHttpRig().post(PATH, { content }, page(SERVER))).status).toBe(201);
  });

  test("are told by a preflight what they may send", async () => {
    const rig = createHttpRig();
    const response = await rig.fetch(PATH, { method: "OPTIONS", ...page(SERVER) });
    expect(response.status).toBe(204);
    expect(response.headers.get("Access-Control-Allow-Methods")).toBe("GET, POST");
    expect(response.headers.get("Access-Control-Allow-Headers")).toBe(
      "Authorization, Content-Encoding, Content-Type, Idempotency-Key, traceparent",
    );
    const other = await rig.fetch(PATH, { method: "OPTIONS", ...page("https://evil.example") });
    expect(other.status).toBe(403);
  });
});

describe("health", () => {
  test("/livez answers whatever is missing", async () => {
    const rig = createHttpRig();
    rig.health.add("log", () => "cannot be reached");
    const response = await rig.fetch("/livez");
    expect(response.status).toBe(200);
    expect(await response.json()).toEqual({ status: "live", checks: {} });
  });

  test("/readyz says which part is missing, and is well when none is", async () => {
    const rig = createHttpRig();
    let fault: string | undefined = "no partition is assigned";
    rig.health.add("log", () => undefined);
    rig.health.add("delivery", () => fault);
    const before = await rig.fetch("/readyz");
    expect(before.status).toBe(503);
    expect(await before.json()).toEqual({
      status: "not_ready",
      checks: { log: "ok", delivery: "no partition is assigned" },
    });
    fault = undefined;
    const after = await rig.fetch("/readyz");
    expect(after.status).toBe(200);
    expect(await after.json()).toMatchObject({ status: "ready" });
  });

  test("a check that throws is a part that is missing", async () => {
    const rig = createHttpRig();
    rig.health.add("store", () => {
      throw new Error("database is locked");
    });
    expect(await (await rig.fetch("/readyz")).json()).toEqual({
      status: "not_ready",
      checks: { store: "database is locked" },
    });
  });

  test("a draining process is not ready but live", async () => {
    const rig = createHttpRig();
    rig.health.drain();
    const response = await rig.fetch("/readyz");
    expect(response.status).toBe(503);
    expect(await response.json()).toMatchObject({ status: "draining" });
    expect((await rig.fetch("/livez")).status).toBe(200);
  });
});

describe("metrics", () => {
  test("/metrics gives the exposition in its own type", async () => {
    const response = await createHttpRig().fetch("/metrics");
    expect(response.headers.get("Content-Type")).toBe("text/plain; version=0.0.4");
    expect(await response.text()).toBe("up 1\n");
  });

  test("requests are counted and timed by route, never by address", async () => {
    const rig = createHttpRig();
    await rig.post(PATH, { content });
    await rig.post("/v1/conversations/other/messages", "{");
    await rig.fetch("/nowhere");
    await rig.fetch(PATH, { method: "OPTIONS", headers: { Origin: "https://evil.example" } });
    const count = (route: string, status: string) =>
      rig.telemetry.value("tidegate_http_requests_total", { route, status });
    expect(count("send", "2xx")).toBe(1);
    expect(count("send", "4xx")).toBe(1);
    expect(count("other", "4xx")).toBe(2);
    const timed = rig.telemetry.distribution("tidegate_http_request_seconds", { route: "send" });
    expect(timed?.count).toBe(2);
    expect(rig.telemetry.value("tidegate_http_in_flight_requests")).toBe(0);
  });
});

test("requests beyond the limit are refused while health is still told", async () => {
  let release: () => void = () => {};
  const gate = new Promise<string>((resolve) => {
    release = () => resolve("{}");
  });
  const limits = limitsWith({ httpInFlightMax: 2 });
  const rig = createHttpRig({ limits }, { history: () => gate });
  const get = () => rig.fetch(PATH, { headers: { Authorization: "Bearer good" } });
  const waiting = [get(), get()];
  const refused = await get();
  expect(refused.headers.get("Retry-After")).toBe("1");
  expect(await problemIn(refused)).toMatchObject({ status: 503, code: "overloaded" });
  expect((await rig.fetch("/livez")).status).toBe(200);
  release();
  expect((await Promise.all(waiting)).map((response) => response.status)).toEqual([200, 200]);
  expect((await get()).status).toBe(200);
});

describe("POST /dev/token", () => {
  test("is not there without a development key", async () => {
    const response = await createHttpRig().post("/dev/token", { user: "ana" });
    expect(await problemIn(response)).toMatchObject({ status: 404 });
  });

  const create = () => {
    const grants: unknown[] = [];
    const rig = createHttpRig({
      mintToken(grant) {
        grants.push(grant);
        return Promise.resolve("signed");
      },
    });
    return { grants, rig };
  };

  test("gives a token of the demo tenant, for one room or all", async () => {
    const { grants, rig } = create();
    const response = await rig.post("/dev/token", { user: "zoë", room: "lobby", tenant: "acme" });
    expect(await response.json()).toEqual({ token: "signed", tenant: "demo", user: "zoë" });
    await rig.post("/dev/token", { user: "zoë" });
    const all = ["subscribe", "send", "history"];
    const { devTokenLifetimeMs: lifetimeMs } = limitsWith();
    expect(grants).toEqual([
      { tenant: "demo", user: "zoë", capabilities: { lobby: all }, lifetimeMs },
      { tenant: "demo", user: "zoë", capabilities: { "*": [...all, "publish"] }, lifetimeMs },
    ]);
  });

  test.each(["{", "[]", "{}", '{"user":""}', '{"user":"a\\u0000"}', '{"user":"a","room":""}', "7"])(
    "the body %s is refused",
    async (body) => {
      const { grants, rig } = create();
      expect(await problemIn(await rig.post("/dev/token", body))).toMatchObject({ status: 400 });
      expect(grants).toEqual([]);
    },
  );

  test("pages of other origins get none", async () => {
    const { grants, rig } = create();
    const init = { headers: { Origin: "https://evil.example" } };
    expect((await rig.post("/dev/token", { user: "ana" }, init)).status).toBe(403);
    expect(grants).toEqual([]);
  });
});

test("a problem's instance is a name made for it", async () => {
  const problem = await problemIn(await createHttpRig().fetch("/nowhere"));
  expect(problem.instance).toBe(`urn:uuid:${MADE_KEY}`);
});
