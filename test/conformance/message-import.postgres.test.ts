import { afterAll, beforeAll } from "bun:test";
import {
  createTemporarySchema,
  emptyStore,
  type TemporarySchema,
} from "../support/postgres-store.ts";
import { usePostgres } from "../support/services/postgres.ts";
import { messageImportSuite } from "./message-import.ts";

let schema: TemporarySchema;

beforeAll(async () => {
  schema = await createTemporarySchema((await usePostgres()).url);
});
afterAll(() => schema.dispose());

messageImportSuite("postgres", async () => {
  const store = await schema.open();
  return {
    store,
    async dispose() {
      await store.close();
      await emptyStore(schema);
    },
  };
});
