import { afterAll, beforeAll, expect, test } from "bun:test";
import { mkdirSync, readdirSync } from "node:fs";
import { join } from "node:path";
import { PostgresDatabase } from "../../src/adapters/postgres/database.ts";
import type { Client, EventItem, Item } from "../../src/client/tidegate.ts";
import { range } from "../support/client/client-bench.ts";
import { ClusterProgram } from "../support/cluster/cluster-program.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import type { ToolEnd } from "../support/cluster/tool.ts";
import { until } from "../support/gateway/until.ts";
import { createTempFolder } from "../support/temp-folder.ts";
import { standaloneSettings, transfer, Visitor } from "../support/transfer.ts";

const TIMEOUT_MS = 180_000;
const ROOMS = ["général ☕", "部屋 №1", 'a "b" \\ c'] as const;
const EVENTS = 5_000;

const folder = createTempFolder();
const first = join(folder.path, "first");
const file = join(folder.path, "moved.ndjson");
let cluster: TestCluster;
let tenant: string;
/** What the tenant had when it left. */
const before = new Map<string, Awaited<ReturnType<Visitor["history"]>>>();
const sentKeys = new Map<string, string>();
let cursor: string;

const bodyOf = (i: number): object => ({ text: `${i} é 👋 "\\ \n\u2028`, n: [i, { ç: null }] });

/** Sends 5,000 messages, and in between some that are repeats and some that are refused. */
async function fill(visitor: Visitor): Promise<void> {
  const client = visitor.client("ana");
  const refused: string[] = [];
  client.onRefused(({ code }) => refused.push(code));
  for (let from = 1; from <= EVENTS; from += 500) {
    const messages = range(from, from + 499).map((i) =>
      client.send(ROOMS[i % 3] as string, bodyOf(i)),
    );
    await Promise.all(messages.map(({ receipt }) => receipt));
    const [one] = messages;
    if (one === undefined) throw new Error("nothing was sent");
    const { key, conversation, content } = one;
    sentKeys.set(conversation, key);
    const again = { key, attempt: 2, content };
    expect((await visitor.post(conversation, "ana", again)).status).toBe(200);
    const other = { key, attempt: 2, content: { text: "other" } };
    expect((await visitor.post(conversation, "ana", other)).status).toBe(200);
  }
  await until("the conflicts are refused", () => refused.length >= EVENTS / 500, 30_000);
  expect(new Set(refused)).toEqual(new Set(["key_conflict"]));
}

/** Reads on from a cursor. */
async function read(client: Client, room: string, from: string, count: number) {
  const taken: EventItem[] = [];
  for await (const item of client.subscribe(room, { cursor: from }).events())
    if (taken.push(item) === count) break;
  return taken;
}

function expectEnd(end: ToolEnd, code: number, on: "output" | "errors", text: string): void {
  expect({ code: end.code, says: end[on] }).toEqual({
    code,
    says: expect.stringContaining(text) as unknown as string,
  });
}

beforeAll(async () => {
  cluster = await TestCluster.create();
  tenant = `${cluster.name}-moved`;
  mkdirSync(first);
  await using program = await ClusterProgram.start(
    "cli/start.ts",
    [],
    standaloneSettings(first, 8),
  );
  using visitor = new Visitor(program.url, tenant);
  await fill(visitor);
  await until("all is stored", async () => {
    const heads = await Promise.all(ROOMS.map(async (room) => (await visitor.history(room)).head));
    return heads.reduce((sum, head) => sum + head, 0) >= EVENTS;
  });
  for (const room of ROOMS) before.set(room, await visitor.history(room));
  const { epoch } = before.get(ROOMS[0]) as { epoch: string };
  cursor = `${epoch}.1234`;
  const busy = await transfer(
    ["export", file, "--from", "standalone"],
    standaloneSettings(first, 8),
  );
  expectEnd(busy, 1, "errors", "in use");
  // Killed, so that what was not stored has to be delivered by the export.
  await program.stop("SIGKILL");
  const end = await transfer(
    ["export", file, "--from", "standalone"],
    standaloneSettings(first, 8),
  );
  expectEnd(end, 0, "errors", `${EVENTS} messages`);
}, TIMEOUT_MS);

afterAll(async () => {
  // Its topic must not stay when a test before has failed.
  if ((await cluster.tenants("list")).includes(tenant))
    await cluster.tenants("remove", tenant, "--yes");
  await cluster[Symbol.asyncDispose]();
  folder[Symbol.dispose]();
}, TIMEOUT_MS);

const toCluster = (path = file) =>
  transfer(["import", path, "--to", "cluster", "--plan", "small"], cluster.settings);

test(
  "a file that is damaged, cut off or continued is refused, and no tenant comes of it",
  async () => {
    const bytes = Buffer.from(await Bun.file(file).arrayBuffer());
    const flipped = Buffer.from(bytes);
    const at = flipped.indexOf("👋", bytes.length >> 1);
    flipped[at + 3] = (flipped[at + 3] as number) ^ 1;
    const half = bytes.subarray(0, bytes.indexOf("\n", bytes.length >> 1) + 1);
    const longer = Buffer.concat([bytes, bytes.subarray(0, bytes.indexOf("\n") + 1)]);
    const lines = bytes.toString().split("\n");
    const fewer = Buffer.from(lines.toSpliced(100, 1).join("\n"));
    const cases: readonly [Buffer, string][] = [
      [flipped, "not those that were exported"],
      [half, "ends here"],
      [bytes.subarray(0, bytes.length - 20), "no JSON"],
      [longer, "behind the end"],
      [fewer, "has not what it is said to have"],
      [Buffer.from("hello\n"), "no JSON"],
      [Buffer.from('{"tidegate":"export","version":99}\n'), "version 99"],
    ];
    const path = join(folder.path, "damaged.ndjson");
    for (const [content, why] of cases) {
      await Bun.write(path, content);
      const end = await toCluster(path);
      expectEnd(end, 1, "errors", why);
    }
    expect(await cluster.tenants("list")).not.toContain(tenant);
    const fresh = join(folder.path, "fresh");
    await Bun.write(path, half);
    const end = await transfer(
      ["import", path, "--to", "standalone"],
      standaloneSettings(fresh, 8),
    );
    expect(end.code).toBe(1);
  },
  TIMEOUT_MS,
);

test(
  "an import that is killed leaves a tenant that is not served and has nothing",
  async () => {
    const database = new PostgresDatabase({
      url: cluster.settings["DATABASE_URL"] as string,
      schema: cluster.name,
      applicationName: "tidegate-test",
      connectionsMax: 2,
      waitingMax: 10,
      connectTimeoutMs: 30_000,
      statementTimeoutMs: 60_000,
    });
    const program = new ClusterProgram(
      "cli/tidegate.ts",
      ["import", file, "--to", "cluster", "--plan", "small"],
      cluster.settings,
    );
    await database.transaction(async (session) => {
      // All rows are written before the conversations, which now have to wait.
      await session`LOCK TABLE conversations IN SHARE MODE`;
      await until(
        "the import waits",
        async () => {
          const [row]: [{ waiting: number }] = await session`
            SELECT count(*)::int AS waiting FROM pg_locks
            WHERE NOT granted AND relation = 'conversations'::regclass`;
          return row.waiting > 0;
        },
        60_000,
      );
      await program.stop("SIGKILL");
    });
    await until("its transaction is gone", () =>
      database.use(async (session) => {
        const [row]: [{ there: number }] = await session`
          SELECT count(*)::int AS there FROM pg_stat_activity
          WHERE application_name = 'tidegate/transfer' AND state <> 'idle'
            AND query LIKE '%conversations%'`;
        return row.there === 0;
      }),
    );
    const [row]: [{ runs: number; conversations: number }] = await database.use(
      (session) => session`
        SELECT (SELECT count(*)::int FROM runs) AS runs,
          (SELECT count(*)::int FROM conversations) AS conversations`,
    );
    await database.close();
    expect(row).toEqual({ runs: 0, conversations: 0 });
    expect(await cluster.tenants("show", tenant)).toContain("suspended");
  },
  TIMEOUT_MS,
);

test(
  "a tenant moves to a cluster that runs, and its clients go on there where they were",
  async () => {
    const [gateway, consumers] = [await cluster.startGateway(), await cluster.startConsumers()];
    expectEnd(await toCluster(), 0, "output", tenant);
    using visitor = new Visitor(gateway.url, tenant);
    for (const room of ROOMS)
      expect(await visitor.history(room)).toEqual(before.get(room) as never);

    const [room] = ROOMS;
    const { head, epoch } = before.get(room) as { head: number; epoch: string };
    const client = visitor.client("ana");
    const items: Item[] = [];
    client.subscribe(room, { cursor, onItem: (item) => items.push(item) });
    const taking = read(visitor.client("ben"), room, cursor, head - 1_234 + 2);

    // The old keys are known, with their content and with another one.
    const refused: string[] = [];
    client.onRefused(({ code }) => refused.push(code));
    const key = sentKeys.get(room) as string;
    const old = (await visitor.post(room, "ana", { key, attempt: 2, content: { text: "no" } }))
      .status;
    expect(old).toBe(200);
    await until("the conflict is refused", () => refused.includes("key_conflict"), 30_000);
    for (const [conversation, sent] of sentKeys) {
      const text = (before.get(conversation) as { text: string }).text;
      const content = contentOf(text, sent);
      expect((await visitor.post(conversation, "ana", { key: sent, content })).status).toBe(200);
    }
    await client.send(room, { text: "nouveau" }).receipt;
    await client.send(room, { text: "noch eins" }).receipt;

    const taken = await taking;
    expect(taken.map(({ seq }) => seq)).toEqual(range(1_235, head + 2));
    expect(new Set(taken.map((item) => item.epoch))).toEqual(new Set([epoch]));
    expect(taken.slice(-2).map(({ event }) => event.content)).toEqual([
      { text: "nouveau" },
      { text: "noch eins" },
    ]);
    const seqs = () => items.flatMap((item) => (item.type === "event" ? [item.seq] : []));
    await until("the subscriber has all", () => seqs().length >= head - 1_234 + 2);
    expect(seqs()).toEqual(range(1_235, head + 2));
    expect(items.filter(({ type }) => type === "reset")).toEqual([]);
    for (const other of ROOMS.slice(1))
      expect((await visitor.history(other)).head).toBe(
        (before.get(other) as { head: number }).head,
      );
    const again = await toCluster();
    expectEnd(again, 1, "errors", "is served");
    for (const one of ROOMS) before.set(one, await visitor.history(one));
    await audited(consumers, tenant);
  },
  TIMEOUT_MS,
);

test(
  "it moves back to a standalone with other partitions, with what came meanwhile",
  async () => {
    await cluster.tenants("suspend", tenant);
    const back = join(folder.path, "back.ndjson");
    const args = ["export", back, "--from", "cluster", "--tenant", tenant];
    const end = await transfer(args, cluster.settings);
    expectEnd(end, 0, "errors", `${EVENTS + 2} messages`);
    expect(readdirSync(folder.path).filter((name) => name.endsWith(".partial"))).toEqual([]);
    expect((await transfer(args, cluster.settings)).errors).toContain("already");

    const data = join(folder.path, "second");
    const settings = standaloneSettings(data, 3);
    const load = ["import", back, "--to", "standalone"];
    expect(await transfer(load, settings)).toMatchObject({ code: 0 });
    expect((await transfer(load, settings)).errors).toContain(
      "has messages already: a tenant that comes must have none",
    );
    await using program = await ClusterProgram.start("cli/start.ts", [], settings);
    using visitor = new Visitor(program.url, tenant);
    for (const room of ROOMS)
      expect(await visitor.history(room)).toEqual(before.get(room) as never);

    const [room] = ROOMS;
    const { head } = before.get(room) as { head: number };
    const client = visitor.client("ana");
    const taking = read(client, room, cursor, head - 1_234 + 1);
    const key = sentKeys.get(room) as string;
    const content = contentOf((before.get(room) as { text: string }).text, key);
    expect((await visitor.post(room, "ana", { key, content, attempt: 3 })).status).toBe(200);
    await client.send(room, { text: "zurück" }).receipt;
    const taken = await taking;
    expect(taken.map(({ seq }) => seq)).toEqual(range(1_235, head + 1));
    expect(taken.at(-1)?.event.content).toEqual({ text: "zurück" });
  },
  TIMEOUT_MS,
);

test(
  "a tenant that is removed from a cluster is saved first, all of it",
  async () => {
    const saved = join(folder.path, "saved.ndjson");
    await cluster.tenants("remove", tenant, "--yes", "--export", saved);
    const tenantOf = async (path: string) => (await Bun.file(path).text()).split("\n").slice(1, -2);
    expect(await tenantOf(saved)).toEqual(await tenantOf(join(folder.path, "back.ndjson")));
    expect(await cluster.tenants("list")).not.toContain(tenant);
  },
  TIMEOUT_MS,
);

/** The content that a key was sent with, out of a history's pages. */
function contentOf(pages: string, key: string): unknown {
  for (const page of pages.split("\n")) {
    const { events } = JSON.parse(page) as {
      readonly events: readonly { readonly event: { key: string; content: unknown } }[];
    };
    const found = events.find(({ event }) => event.key === key);
    if (found !== undefined) return found.event.content;
  }
  throw new Error(`${key} is not there`);
}

/** Waits until the auditor has recounted the new records, and reads what it found. */
async function audited(consumers: ClusterProgram, name: string): Promise<void> {
  const value = async (metric: string): Promise<number> => {
    const text = await (await fetch(`${consumers.url}/metrics`)).text();
    return Number(new RegExp(`^tidegate_audit_${metric}_total (\\d+)`, "m").exec(text)?.[1]);
  };
  await until(
    `the records of ${name} are recounted`,
    async () => (await value("records")) >= 6,
    60_000,
  );
  for (const metric of ["lost", "duplicate", "reordered", "altered"])
    expect(await value(metric)).toBe(0);
}
