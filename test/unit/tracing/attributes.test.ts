import { expect, test } from "bun:test";
import { placeAttributes } from "../../../src/tracing/attributes.ts";

test("a tenant's topic has a template beside its name, and a topic of nobody's has none", () => {
  expect(placeAttributes("kafka", "chat.messages.acme", 7)).toEqual({
    "messaging.system": "kafka",
    "messaging.destination.name": "chat.messages.acme",
    "messaging.destination.template": "chat.messages.{tenant}",
    "messaging.destination.partition.id": "7",
  });
  expect(placeAttributes("kafka", "audit.log", 0)).not.toHaveProperty(
    "messaging.destination.template",
  );
});
