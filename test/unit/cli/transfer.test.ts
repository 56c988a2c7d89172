import { afterEach, beforeEach, expect, test } from "bun:test";
import { join } from "node:path";
import { ExportFile } from "../../../cli/transfer/export-file.ts";
import { exportTenant } from "../../../cli/transfer/exporter.ts";
import { checkFile, readLines } from "../../../cli/transfer/import-file.ts";
import { importTenant } from "../../../cli/transfer/importer.ts";
import { Progress } from "../../../cli/transfer/progress.ts";
import type { LeavingTenant, TransferSide } from "../../../cli/transfer/side.ts";
import { MemoryMessageStore } from "../../../src/adapters/memory/message-store.ts";
import { partitionOf } from "../../../src/policy/partitioner.ts";
import type { MovableStore } from "../../../src/ports/message-import.ts";
import type { PlacedEvent } from "../../../src/ports/message-store.ts";
import { recordKey, type Placement } from "../../../src/tenants.ts";
import { placed, range } from "../../conformance/message-store-kit.ts";
import { createTempFolder } from "../../support/temp-folder.ts";

const OWN: Placement = { topic: "chat.messages.acme", shared: false, partitions: 4 };
const SHARED: Placement = { topic: "chat.pool.1", shared: true, partitions: 8 };
const ROOMS = ["general", "räume", "c", "d", "e"];

let folder: ReturnType<typeof createTempFolder>;
let path: string;
beforeEach(() => {
  folder = createTempFolder();
  path = join(folder.path, "tenants.ndjson");
});
afterEach(() => folder[Symbol.dispose]());

const quiet = new Progress(
  () => {},
  () => 0,
);

/** A side without a log: `settled` runs where the exporter waits for it. */
function sideOf(
  store: MovableStore,
  placement: Placement,
  served: string[] = [],
  settled = async () => {},
): TransferSide {
  return {
    name: "cluster",
    store,
    tenants: () => Promise.resolve([]),
    settle: settled,
    prepare: () => Promise.resolve(placement),
    serve(name) {
      served.push(name);
      return Promise.resolve();
    },
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

/** Places events of tenants as delivery would, `count` for each conversation. */
class Filler {
  readonly store = new MemoryMessageStore();
  readonly #placement: Placement;
  readonly #next = new Map<number, number>();
  readonly #seqs = new Map<string, number>();

  constructor(placement: Placement) {
    this.#placement = placement;
  }

  async add(tenant: string, conversation: string, count: number): Promise<void> {
    const { topic, partitions } = this.#placement;
    const key = recordKey(this.#placement, tenant, conversation);
    const partition = partitionOf(key, partitions);
    const first = this.#next.get(partition) ?? 0;
    const seq = this.#seqs.get(key) ?? 0;
    const events = Array.from({ length: count }, (_, i): PlacedEvent => {
      const { id, event } = placed(first + i);
      const own = `${id}-${tenant}-${Buffer.from(conversation).toString("hex")}`;
      const text = event.replace(id, own);
      const place = { tenant, conversation, seq: seq + i + 1, epoch: `e.${tenant}` };
      return placed(first + i, { id: own, event: text, ...place });
    });
    const { ownerEpoch } = await this.store.acquire({ topic, partition });
    await this.store.commit({
      topic,
      partition,
      incarnation: "i1",
      ownerEpoch,
      expectedOffset: first,
      nextOffset: first + count,
      lastId: "",
      events,
    });
    this.#next.set(partition, first + count);
    this.#seqs.set(key, seq + count);
  }
}

const leaving = (name: string, placement: Placement): LeavingTenant => ({
  name,
  plan: undefined,
  limits: undefined,
  placement,
  isLive: true,
});

async function exportAll(side: TransferSide, tenants: readonly LeavingTenant[]): Promise<void> {
  await using file = await ExportFile.create(path);
  const names = tenants.map(({ name }) => name);
  await file.write({ kind: "header", at: "now", from: side.name, tenants: names });
  for (const tenant of tenants) await exportTenant(side, tenant, file, quiet);
  await file.finish();
}

async function bring(store: MovableStore, placement: Placement, tenant: string): Promise<string[]> {
  const served: string[] = [];
  const side = sideOf(store, placement, served);
  const wish = { path, tenant, plan: undefined, partitions: undefined };
  await importTenant(side, await checkFile(path), wish, quiet);
  return served;
}

const historyOf = (store: MovableStore, tenant: string, conversation: string) =>
  store.history(range({ tenant, conversation, eventsMax: 10_000 }));

test("tenants of a shared topic move to topics of other partitions, each with what is its own", async () => {
  const source = new Filler(SHARED);
  for (let round = 0; round < 3; round++)
    for (const tenant of ["acme", "globex"])
      for (const room of ROOMS) await source.add(tenant, room, 7 + round);
  await exportAll(sideOf(source.store, SHARED), [
    leaving("acme", SHARED),
    leaving("globex", SHARED),
  ]);
  const target = new MemoryMessageStore();
  expect(await bring(target, OWN, "globex")).toEqual(["globex"]);
  expect((await historyOf(target, "acme", "general")).seq).toBe(0);
  for (const room of ROOMS) {
    const page = await historyOf(target, "globex", room);
    expect(page).toEqual(await historyOf(source.store, "globex", room));
    expect(page.events).toHaveLength(24);
    // A retry is looked up where its record comes to.
    const id = (JSON.parse(page.events[3]?.event ?? "") as { id: string }).id;
    const partition = partitionOf(room, OWN.partitions);
    expect((await target.findIds({ topic: OWN.topic, partition }, [id])).has(id)).toBe(true);
  }
  const back = new MemoryMessageStore();
  await bring(back, SHARED, "acme");
  expect(await historyOf(back, "acme", "räume")).toEqual(
    await historyOf(source.store, "acme", "räume"),
  );
});

test("what was imported is exported again with what came after it", async () => {
  const source = new Filler(OWN);
  await source.add("acme", "general", 5);
  await exportAll(sideOf(source.store, OWN), [leaving("acme", OWN)]);
  const middle = new MemoryMessageStore();
  await bring(middle, OWN, "acme");
  const partition = partitionOf("general", OWN.partitions);
  const { ownerEpoch } = await middle.acquire({ topic: OWN.topic, partition });
  const next = placed(0, { seq: 6, epoch: "e.acme", id: "after", event: '{"id":"after","x":1}' });
  const place = { topic: OWN.topic, partition, incarnation: "i9", ownerEpoch };
  const offsets = { expectedOffset: 0, nextOffset: 1, lastId: "after" };
  await middle.commit({ ...place, ...offsets, events: [next] });
  path = join(folder.path, "again.ndjson");
  await exportAll(sideOf(middle, OWN), [leaving("acme", OWN)]);
  const last = new MemoryMessageStore();
  await bring(last, SHARED, "acme");
  expect(await historyOf(last, "acme", "general")).toEqual(
    await historyOf(middle, "acme", "general"),
  );
  expect((await historyOf(last, "acme", "general")).seq).toBe(6);
});

test("an export ends where the store was when it began, though messages go on coming", async () => {
  const source = new Filler(OWN);
  for (const room of ROOMS) await source.add("acme", room, 3);
  const store = new MemoryMessageStore(source.store.data, {
    // The first page that is read finds more than there was.
    async before(operation) {
      if (operation !== "feed" || added) return;
      added = true;
      for (const room of [...ROOMS, "new"]) await source.add("acme", room, 2);
    },
  });
  let added = false;
  await exportAll(sideOf(store, OWN), [leaving("acme", OWN)]);
  const target = new MemoryMessageStore();
  await bring(target, OWN, "acme");
  for (const room of ROOMS) expect((await historyOf(target, "acme", room)).seq).toBe(3);
  expect((await historyOf(target, "acme", "new")).seq).toBe(0);
  expect((await historyOf(store, "acme", "new")).seq).toBe(2);
});

test("a conversation without any message that is kept goes on behind its head", async () => {
  const source = new MemoryMessageStore();
  const empty = { conversation: "old", partition: 0, epoch: "e1", seqFirst: 42, events: [] };
  async function* runs() {
    yield [empty];
  }
  await source.importTenant({ tenant: "acme", topic: OWN.topic, partitions: 4, runs: runs() });
  await exportAll(sideOf(source, OWN), [leaving("acme", OWN)]);
  const target = new MemoryMessageStore();
  await bring(target, OWN, "acme");
  expect((await target.heads("acme", ["old"])).get("old")).toEqual({
    epoch: "e1",
    seq: 41,
    floor: 42,
  });
});

test("an export that misses messages of a conversation fails and leaves no file", async () => {
  const source = new Filler(OWN);
  for (const room of ROOMS) await source.add("acme", room, 3);
  const { store } = source;
  const holey = Object.assign(Object.create(store) as MemoryMessageStore, {
    heads: store.heads.bind(store),
    async feed(...args: Parameters<MemoryMessageStore["feed"]>) {
      const page = await store.feed(...args);
      return { ...page, events: page.events.filter(({ seq }) => seq !== missing) };
    },
    offsets: () => store.offsets(),
    conversations: (...args: Parameters<MemoryMessageStore["conversations"]>) =>
      store.conversations(...args),
    history: (...args: Parameters<MemoryMessageStore["history"]>) => store.history(...args),
    findIds: (...args: Parameters<MemoryMessageStore["findIds"]>) => store.findIds(...args),
  });
  let missing = 0;
  for (missing of [1, 2]) {
    const exporting = exportAll(sideOf(holey, OWN), [leaving("acme", OWN)]);
    await expect(exporting).rejects.toMatchObject({ code: "store_unavailable" });
    expect(await Bun.file(path).exists()).toBe(false);
    expect(await Bun.file(`${path}.partial`).exists()).toBe(false);
  }
});

test("an event that is not the one of its id makes the file unreadable, whatever its checksum", async () => {
  const file = await ExportFile.create(path);
  await file.write({ kind: "header", at: "now", from: "here", tenants: ["acme"] });
  await file.write({ kind: "tenant", name: "acme", plan: undefined, limits: undefined });
  await file.write({ kind: "conversation", name: "a", epoch: "e", seqFirst: 1 });
  const event = {
    conversation: 0,
    seq: 1,
    id: "one",
    fingerprint: "f",
    event: '{"id":"two","x":1}',
  };
  await file.write({ kind: "event", ...event });
  await file.write({ kind: "totals", conversations: 1, events: 1 });
  await file.finish();
  await expect(checkFile(path)).rejects.toThrow("line 4: its event is not the one of its id");
});

test("a file that is written to after it was checked is not imported", async () => {
  const source = new Filler(OWN);
  await source.add("acme", "general", 5);
  await exportAll(sideOf(source.store, OWN), [leaving("acme", OWN)]);
  const contents = await checkFile(path);
  const served: string[] = [];
  const target = new MemoryMessageStore();
  const side = sideOf(target, OWN, served);
  const prepare = async (): Promise<Placement> => {
    const text = await Bun.file(path).text();
    await Bun.write(path, text.replace('"text\\":\\"3', '"text\\":\\"4'));
    return OWN;
  };
  const wish = { path, tenant: "acme", plan: undefined, partitions: undefined };
  const importing = importTenant({ ...side, prepare }, contents, wish, quiet);
  await expect(importing).rejects.toThrow("its bytes are not those that were exported");
  expect(served).toEqual([]);
  expect((await historyOf(target, "acme", "general")).seq).toBe(0);
  let lines = 0;
  await expect(
    (async () => {
      for await (const _ of readLines(path)) lines++;
    })(),
  ).rejects.toThrow("exported");
  expect(lines).toBeGreaterThan(5);
});
