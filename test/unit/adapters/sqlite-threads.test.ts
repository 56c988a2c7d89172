import { expect, test } from "bun:test";
import { KeeperThread, WriterThread } from "../../../src/adapters/sqlite/log-threads.ts";
import type { ReaderApi } from "../../../src/adapters/sqlite/store-reader-thread.ts";
import { Thread } from "../../../src/adapters/sqlite/thread.ts";
import { codeOf } from "../../conformance/message-store-kit.ts";

const fail = (reason: unknown): never => {
  throw new Error(`the thread died: ${String(reason)}`);
};

test("a question that the log's keeper has not answered ends with the keeper", async () => {
  const keeper = new KeeperThread(fail);
  const asked = codeOf(keeper.call("close", null));
  keeper.terminate();
  expect(await asked).toBe("closed");
  expect(await codeOf(keeper.call("close", null))).toBe("log_unavailable");
}, 2_000);

test("what the log's writer was working on has no known outcome when the writer is ended", async () => {
  const writer = new WriterThread(fail);
  const asked = codeOf(writer.ask({ kind: "close" }));
  writer.terminate();
  expect(await asked).toBe("unknown_outcome");
  expect(await codeOf(writer.ask({ kind: "close" }))).toBe("closed");
}, 2_000);

test("a question that the store's thread has not answered ends with the thread", async () => {
  const script = new URL("../../../src/adapters/sqlite/store-reader-thread.ts", import.meta.url);
  const thread = new Thread<ReaderApi>(script, fail);
  const asked = codeOf(thread.call("offsets", [], "unknown_outcome"));
  await thread.end();
  expect(await asked).toBe("unknown_outcome");
  expect(await codeOf(thread.call("offsets", []))).toBe("store_unavailable");
}, 2_000);
