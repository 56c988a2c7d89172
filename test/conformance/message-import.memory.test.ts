import { MemoryMessageStore } from "../../src/adapters/memory/message-store.ts";
import { messageImportSuite } from "./message-import.ts";

messageImportSuite("memory", async () => {
  const store = new MemoryMessageStore();
  return { store, dispose: () => store.close() };
});
