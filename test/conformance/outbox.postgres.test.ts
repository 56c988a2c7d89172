import { createPostgresOutbox } from "../../src/adapters/postgres/outbox.ts";
import { createTestDatabase } from "../support/cluster/test-database.ts";
import { OUTBOX_BOUNDS, outboxConformance } from "./outbox.ts";

outboxConformance("postgres", async () => {
  const test = await createTestDatabase();
  const open = () => createPostgresOutbox({ database: test.open(), limits: OUTBOX_BOUNDS });
  const [outbox, other] = [open(), open()];
  return {
    outbox,
    other,
    async end() {
      await outbox.close();
      await other.close();
      await test[Symbol.asyncDispose]();
    },
  };
});
