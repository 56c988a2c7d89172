import { MemoryOutboxData } from "../../src/adapters/memory/outbox-data.ts";
import { createMemoryOutbox } from "../../src/adapters/memory/outbox.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { OUTBOX_BOUNDS, outboxConformance } from "./outbox.ts";

outboxConformance("memory", () => {
  const data = new MemoryOutboxData();
  const open = () =>
    createMemoryOutbox({ clock: createSystemClock(), limits: OUTBOX_BOUNDS, data });
  const [outbox, other] = [open(), open()];
  return Promise.resolve({
    outbox,
    other,
    async end() {
      await outbox.close();
      await other.close();
    },
  });
});
