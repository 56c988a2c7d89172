import type { Database } from "bun:sqlite";
import { yieldToForeground } from "./background.ts";
import { type DatabaseOptions, openDatabase } from "./database.ts";
import { StoreReader } from "./store-reader.ts";
import { answer, type ThreadRequest } from "./thread-message.ts";

/** Opens the file on `open`; the other calls are those of {@link StoreReader}. */
export interface ReaderApi extends Pick<
  StoreReader,
  "heads" | "history" | "window" | "findIds" | "feed" | "offsets" | "conversations"
> {
  open(options: DatabaseOptions): void;
  close(): void;
}

let db: Database | undefined;
let reader: StoreReader | undefined;

const lifecycle: Pick<ReaderApi, "open" | "close"> = {
  open(options) {
    db = openDatabase(options);
    reader = new StoreReader(db);
  },
  close() {
    db?.close();
    db = undefined;
    reader = undefined;
  },
};

declare const self: Worker;

yieldToForeground();
self.addEventListener("message", (event: MessageEvent<ThreadRequest>) => {
  const { method } = event.data;
  const api = method === "open" || method === "close" ? lifecycle : (reader ?? {});
  self.postMessage(answer(api, event.data));
});
