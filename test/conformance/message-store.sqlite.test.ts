import { openTemporaryStore } from "../support/sqlite-store.ts";
import { messageStoreSuite } from "./message-store.ts";

messageStoreSuite("sqlite", () => openTemporaryStore());

// Caches of one entry and a checkpoint after every commit: what is forgotten is read again.
messageStoreSuite("sqlite with the smallest caches", () =>
  openTemporaryStore({
    conversationsMax: 1,
    writerCacheBytes: 1,
    readerCacheBytes: 1,
    checkpointBytes: 1,
  }),
);
