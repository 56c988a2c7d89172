import { afterAll, beforeAll } from "bun:test";
import {
  createTemporarySchema,
  emptyStore,
  type TemporarySchema,
} from "../support/postgres-store.ts";
import { usePostgres } from "../support/services/postgres.ts";
import { messageStoreSuite } from "./message-store.ts";

let schema: TemporarySchema;

beforeAll(async () => {
  schema = await createTemporarySchema((await usePostgres()).url);
});
afterAll(() => schema.dispose());

async function open(tuning = {}) {
  const store = await schema.open({ tuning });
  return {
    store,
    async dispose() {
      await store.close();
      await emptyStore(schema);
    },
  };
}

messageStoreSuite("postgres", () => open());

// Caches of two entries: what is forgotten is read again.
messageStoreSuite("postgres with the smallest caches", () =>
  open({ conversationsMax: 1, secondsMax: 1 }),
);
