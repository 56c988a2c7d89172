import { openTemporaryStore } from "../support/sqlite-store.ts";
import { messageImportSuite } from "./message-import.ts";

messageImportSuite("sqlite", () => openTemporaryStore());

// A cache of one conversation: what is forgotten in the middle of an import is read again.
messageImportSuite("sqlite with the smallest caches", () =>
  openTemporaryStore({ conversationsMax: 1, writerCacheBytes: 1, checkpointBytes: 1 }),
);
