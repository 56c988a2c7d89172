import { MemoryMessageStore } from "../../src/adapters/memory/message-store.ts";
import { messageStoreSuite } from "./message-store.ts";

messageStoreSuite("memory", async () => {
  const store = new MemoryMessageStore();
  return { store, dispose: () => store.close() };
});
