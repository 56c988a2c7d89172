import { afterEach, beforeEach, describe, expect, test } from "bun:test";
import { deadLettersCommand } from "../../cli/dead-letters/command.ts";
import { remoteDeadLetters } from "../../cli/dead-letters/remote.ts";
import { createAdminApp } from "../../gateway/admin/app.ts";
import { AdminGate } from "../../gateway/admin/gate.ts";
import { createMemoryEventLog } from "../../src/adapters/memory/event-log.ts";
import { createMemoryTelemetry } from "../../src/adapters/memory/telemetry.ts";
import { createMemoryTenantCatalog } from "../../src/adapters/memory/tenant-catalog.ts";
import { adminKeyCheck, makeAdminKey } from "../../src/adapters/system/admin-key.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../src/adapters/system/digest.ts";
import { createSystemRandom } from "../../src/adapters/system/random.ts";
import { DeadLetterDesk } from "../../src/dead-letters/desk.ts";
import { limitsWith } from "../../src/limits.ts";
import {
  deadLetterDetailSchema,
  deadLettersReplySchema,
  redriveReplySchema,
  type Overview,
} from "../../src/wire/admin.ts";
import { problemSchema } from "../../src/wire/http.ts";
import { keepDamaged } from "../support/dead-letters/damaged-message.ts";
import { rejection } from "../support/rejection.ts";

const OVERVIEW: Overview = { now: 1, process: "a", interval_ms: 2_000, processes: [] };

let stack: AsyncDisposableStack;
beforeEach(() => {
  stack = new AsyncDisposableStack();
});
afterEach(() => stack.disposeAsync());

/** The admin API on a port of its own. */
async function serve({ isOn = true } = {}) {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const limits = limitsWith({ adminGuessesBurst: 2 });
  const log = createMemoryEventLog({ clock, random });
  stack.defer(() => log.close());
  const topics = { partitions: 2, retentionMs: 1e9, retentionBytes: undefined };
  const catalog = await createMemoryTenantCatalog({ log, ...topics });
  await catalog.place("acme");
  const digest = createSystemDigest();
  const options = { log, catalog, digest, clock, limits, source: "test" };
  const key = makeAdminKey();
  const app = createAdminApp({
    gate: isOn ? new AdminGate({ isAdmin: adminKeyCheck(key), clock, limits }) : undefined,
    deadLetters: new DeadLetterDesk(options),
    overview: () => Promise.resolve(OVERVIEW),
    random,
    telemetry: createMemoryTelemetry(),
    limits,
  });
  const server = Bun.serve({
    port: 0,
    hostname: "127.0.0.1",
    fetch: (request) => app(request) ?? new Response("not the admin's", { status: 418 }),
  });
  stack.defer(() => server.stop(true));
  const url = `http://127.0.0.1:${server.port}`;
  const call = (path: string, init: RequestInit = {}, as = key) =>
    fetch(`${url}/v1/admin/${path}`, {
      ...init,
      headers: { Authorization: `Bearer ${as}`, "Content-Type": "application/json" },
    });
  return {
    options,
    url,
    key,
    call,
    remote: remoteDeadLetters({ url, adminKey: key, timeoutMs: 5_000 }),
  };
}

/** Runs a command line against the API. */
async function run({ remote }: Awaited<ReturnType<typeof serve>>, line: string) {
  let text = "";
  const { run: command } = deadLettersCommand(line.split(" "));
  const isWhole = await command(remote, (part) => void (text += part));
  return { isWhole, text };
}

describe("the admin API", () => {
  test("is not there without a key, and says how to have it", async () => {
    const { call, url } = await serve({ isOn: false });
    const response = await call("overview");
    expect(response.status).toBe(404);
    const problem = problemSchema.parse(await response.json());
    expect(problem.detail).toContain("TIDEGATE_ADMIN_KEY");
    expect((await fetch(`${url}/v1/conversations`)).status).toBe(418);
  });

  test("opens with its key alone, and bears few guesses", async () => {
    const { call } = await serve();
    const refused = await call("overview", {}, "a-wrong-key-for-this-test");
    expect([refused.status, refused.headers.get("www-authenticate")]).toEqual([401, "Bearer"]);
    expect((await call("overview", {}, "another-wrong-key-for-it")).status).toBe(401);
    const late = await call("overview", {}, "and-one-too-many-for-it");
    expect([late.status, late.headers.get("retry-after")]).toEqual([429, "1"]);
    const { call: other } = await serve();
    const response = await other("overview");
    expect(await response.json()).toEqual(OVERVIEW);
    expect(response.headers.get("cache-control")).toBe("no-store");
    expect(response.headers.get("access-control-allow-origin")).toBeNull();
  });

  test("lists, tells and redrives letters, in the form that its schemas say", async () => {
    const { call, options } = await serve();
    await keepDamaged(options, "acme", 3);
    const list = deadLettersReplySchema.parse(await (await call("dead-letters?limit=2")).json());
    expect(list.letters).toHaveLength(2);
    const rest = await call(`dead-letters?after=${encodeURIComponent(list.next ?? "")}`);
    expect(deadLettersReplySchema.parse(await rest.json()).letters).toHaveLength(1);
    const id = encodeURIComponent(list.letters[0]?.id ?? "");
    const detail = deadLetterDetailSchema.parse(await (await call(`dead-letters/${id}`)).json());
    expect(detail.value).toContain('"content":{"n":2}');
    const redrive = (body?: string) =>
      call(`dead-letters/${id}/redrive`, { method: "POST", ...(body && { body }) });
    const first = redriveReplySchema.parse(await (await redrive()).json());
    expect(first).toMatchObject({ topic: "chat.messages.acme", offset: "0", marked: true });
    const second = await redrive();
    expect(second.status).toBe(409);
    expect(problemSchema.parse(await second.json()).code).toBe("already_redriven");
    expect((await redrive('{"again":true}')).status).toBe(200);
  });

  test.each([
    ["dead-letters?limit=0", "GET", 400],
    ["dead-letters?limit=101", "GET", 400],
    ["dead-letters?tenant=a/b", "GET", 400],
    ["dead-letters?after=%00", "GET", 400],
    ["dead-letters/delivery%3A7", "GET", 404],
    ["dead-letters/%zz", "GET", 404],
    ["dead-letters/a/b/c", "GET", 404],
    ["dead-letters/delivery%3A0/redrive", "GET", 405],
    ["dead-letters/delivery%3A0/erase", "POST", 404],
    ["overview", "POST", 405],
    ["nothing", "GET", 404],
  ])("answers %s by %s with %d", async (path, method, status) => {
    const { call } = await serve();
    const response = await call(path, { method });
    expect(response.status).toBe(status);
    expect(problemSchema.safeParse(await response.json()).success).toBe(true);
  });

  test("takes no body that is not what it says", async () => {
    const { call, options } = await serve();
    await keepDamaged(options, "acme", 1);
    for (const body of ["[", '{"again":1}', "7"])
      expect((await call("dead-letters/delivery:0/redrive", { method: "POST", body })).status).toBe(
        400,
      );
  });
});

describe("tidegate dead-letters", () => {
  test("lists, shows and redrives by way of a gateway", async () => {
    const world = await serve();
    expect((await run(world, "list")).text).toBe("There are no dead letters.\n");
    await keepDamaged(world.options, "acme", 3);
    await keepDamaged(world.options, "acme", 1, "key_conflict");
    const { text: list } = await run(world, "list");
    expect(list.match(/ waits$/gm)).toHaveLength(3);
    expect(list).toMatch(/delivery:3 .* key_conflict .* cannot be redriven$/m);
    expect((await run(world, "list --limit 1")).text).toContain("--after delivery=3");
    const { text: shown } = await run(world, "show delivery:1");
    expect(shown).toContain('"content":{"n":1}');
    expect(JSON.parse((await run(world, "show delivery:1 --json")).text)).toMatchObject({
      reason: "malformed_record",
      tenant: "acme",
    });
    // The command line was right: its help would not help.
    expect(await rejection(run(world, "show delivery:9"))).toMatchObject({
      code: "not_found",
      message: "there is no dead letter delivery:9",
    });
    const { text: sent, isWhole } = await run(world, "redrive delivery:0 delivery:3 delivery:9");
    expect(isWhole).toBe(false);
    expect(sent).toMatch(/^delivery:0: \S+ is at chat\.messages\.acme\/\d\/0$/m);
    expect(sent).toContain("delivery:3: another message was placed under its key");
    expect(sent).toContain("delivery:9: there is no dead letter");
    const all = await run(world, "redrive --all");
    expect(all.isWhole).toBe(true);
    expect(all.text.match(/^delivery:[12]: /gm)).toHaveLength(2);
    expect((await run(world, "redrive --all")).text).toBe("There is nothing to redrive.\n");
    expect((await run(world, "redrive --all --json")).text).toBe("");
    const once = await run(world, "redrive delivery:0");
    expect(once.text).toMatch(
      /^delivery:0: it was sent again at \S+; --again sends it once more$/m,
    );
    expect((await run(world, "redrive delivery:0 --again")).isWhole).toBe(true);
  });

  test("ends when nobody answers, or the key is not the gateway's", async () => {
    const { url } = await serve();
    const wrong = remoteDeadLetters({ url, adminKey: "not-the-key-of-this-one", timeoutMs: 5_000 });
    const { run: command } = deadLettersCommand(["redrive", "delivery:0", "delivery:1"]);
    const print = () => {};
    expect(await rejection(command(wrong, print))).toMatchObject({ code: "unauthenticated" });
    const nobody = remoteDeadLetters({
      url: "http://127.0.0.1:1",
      adminKey: "k",
      timeoutMs: 5_000,
    });
    expect(await rejection(command(nobody, print))).toMatchObject({ code: "log_unavailable" });
  });

  test.each([
    [["lift"], "there is no command"],
    [["list", "x"], "list takes no letter"],
    [["show"], "show takes one letter"],
    [["redrive"], "redrive takes letters, or --all"],
    [["redrive", "a:1", "--all"], "redrive takes letters, or --all"],
    [["show", "a:1", "--again"], "show does not take --again"],
    [["list", "--limit", "none"], "--limit is"],
    [["list", "--url", "localhost"], "--url is not the address"],
    [["list", "--wat"], "wat"],
  ])("does not take %j", (args, fault) => {
    expect(() => deadLettersCommand(args)).toThrow(fault);
  });
});
