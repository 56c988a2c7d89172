import { expect, test } from "bun:test";
import { statSync } from "node:fs";
import { join } from "node:path";
import type { ImportedRun } from "../../src/chat/import-fold.ts";
import { codeOf, placed, range } from "../conformance/message-store-kit.ts";
import { startProgram } from "../support/program.ts";
import { openTemporaryStore } from "../support/sqlite-store.ts";
import { createTempFolder } from "../support/temp-folder.ts";

async function* one(): AsyncGenerator<readonly ImportedRun[]> {
  yield [{ conversation: "general", partition: 0, epoch: "e2", seqFirst: 1, events: [placed(0)] }];
}

test("an import that is killed when most of it is written leaves nothing, and can be repeated", async () => {
  using folder = createTempFolder();
  await using program = startProgram("import-fixture.ts", [folder.path]);
  await program.when(() => program.lines.includes("written"));
  // It is on the disk already.
  expect(statSync(join(folder.path, "store.sqlite-wal")).size).toBeGreaterThan(500_000);
  program.kill("SIGKILL");
  await program.ended;
  const opened = await openTemporaryStore({}, folder.path);
  const { store } = opened;
  try {
    expect(await store.conversations("acme", "", 10)).toEqual([]);
    expect((await store.findIds({ topic: "t", partition: 0 }, [placed(1).id])).size).toBe(0);
    await store.importTenant({ tenant: "acme", topic: "t", partitions: 1, runs: one() });
    expect((await store.history(range())).events).toHaveLength(1);
    expect((await store.acquire({ topic: "t", partition: 0 })).nextOffset).toBe(0);
  } finally {
    await opened.dispose();
  }
}, 30_000);

test("while a tenant is imported, whoever commits is told to come again", async () => {
  const opened = await openTemporaryStore();
  const { store } = opened;
  try {
    const taking = { topic: "other", partition: 0 };
    await store.acquire(taking);
    const batch = {
      ...taking,
      incarnation: "i",
      ownerEpoch: 1,
      expectedOffset: 0,
      nextOffset: 1,
      lastId: "",
      events: [placed(0, { tenant: "globex" })],
    };
    async function* runs() {
      expect(await codeOf(store.commit(batch))).toBe("store_unavailable");
      expect(await codeOf(store.acquire(taking))).toBe("store_unavailable");
      yield* one();
    }
    await store.importTenant({ tenant: "acme", topic: "t", partitions: 1, runs: runs() });
    await store.commit(batch);
    expect((await store.history(range({ tenant: "globex" }))).events).toHaveLength(1);
  } finally {
    await opened.dispose();
  }
});
