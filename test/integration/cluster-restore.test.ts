import { expect, test } from "bun:test";
import { join } from "node:path";
import { SQL } from "bun";
import type { Item } from "../../src/client/tidegate.ts";
import { range } from "../support/client/client-bench.ts";
import { TestCluster } from "../support/cluster/test-cluster.ts";
import { trust } from "../support/gateway/trust.ts";
import { until } from "../support/gateway/until.ts";
import { ensureProgram } from "../support/services/apt.ts";
import { startPostgres } from "../support/services/postgres.ts";
import { createTempFolder } from "../support/temp-folder.ts";

const TIMEOUT_MS = 120_000;
const WAIT_MS = 30_000;
const ROOM = "general";

async function runPostgresTool(command: string, ...args: readonly string[]): Promise<void> {
  const places = [`/usr/lib/postgresql/*/bin/${command}`];
  const program = await ensureProgram({ command, package: "postgresql", places });
  const child = Bun.spawn([program, ...args], { stdio: ["ignore", "inherit", "pipe"] });
  const [code, errors] = await Promise.all([child.exited, new Response(child.stderr).text()]);
  if (code !== 0) throw new Error(`${command} ended with ${code}: ${errors}`);
}

test(
  "a backup of Postgres that is older than the log is brought up to date from it, to the same seqs",
  async () => {
    await using postgres = await startPostgres();
    using folder = createTempFolder();
    await using cluster = await TestCluster.create({ postgres });
    const tenant = (await cluster.addTenant("acme")).name;
    const gateway = await cluster.startGateway();
    const consumers = await cluster.startConsumers();
    const client = cluster.client(gateway.url, tenant, "ana");
    const items: Item[] = [];
    client.subscribe(ROOM, { onItem: (item) => items.push(item) });
    const read = () => items.flatMap((item) => (item.type === "event" ? [item] : []));
    const send = async (first: number, last: number): Promise<void> => {
      for (const n of range(first, last)) await client.send(ROOM, { n }).receipt;
      await until("they are read", () => read().length === last, WAIT_MS);
    };
    const token = await trust.token({ tenant, user: "historian" });
    const history = async (): Promise<{ head?: number; events?: unknown[] }> => {
      const url = `${gateway.url}/v1/conversations/${ROOM}/messages?limit=200`;
      const answer = await fetch(url, { headers: { authorization: `Bearer ${token}` } });
      return (await answer.json()) as { head?: number; events?: unknown[] };
    };
    const isStored = (count: number) => async () => (await history()).head === count;

    await send(1, 20);
    await until("they are stored", isStored(20), WAIT_MS);
    const file = join(folder.path, "backup");
    await runPostgresTool(
      "pg_dump",
      "--format=custom",
      "--schema",
      cluster.name,
      "--file",
      file,
      postgres.url,
    );
    await send(21, 50);
    await until("they are stored", isStored(50), WAIT_MS);
    const before = await history();
    expect(await consumers.stop()).toBe(0);
    expect(await gateway.stop()).toBe(0);

    await using sql = new SQL(postgres.url, { max: 1 });
    await sql.unsafe(`DROP SCHEMA "${cluster.name}" CASCADE`);
    await runPostgresTool("pg_restore", "--dbname", postgres.url, file);
    const { port } = new URL(gateway.url);
    await cluster.startGateway({ PORT: port });
    expect((await history()).head).toBe(20);

    await cluster.startConsumers();
    await until("what came after the backup is stored again", isStored(50), WAIT_MS);
    expect(await history()).toEqual(before);
    await send(51, 60);
    expect(read().map(({ seq }) => seq)).toEqual(range(1, 60));
    expect(items.filter(({ type }) => type === "reset")).toEqual([]);
  },
  TIMEOUT_MS,
);
