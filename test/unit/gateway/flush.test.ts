import { expect, test } from "bun:test";
import { CLOSE_TABLE } from "../../../src/close-codes.ts";
import { startMemoryGateway } from "../../support/gateway/memory-gateway.ts";

test("a connection that cannot be written to ends alone, and the others of its turn get their answers", async () => {
  await using gateway = await startMemoryGateway();
  const broken = gateway.open();
  const others = [gateway.open(), gateway.open()];
  broken.send = () => {
    throw new Error("a bug");
  };
  const refused = expect(broken.client.ask("connect", { token: "ben" })).rejects.toThrow();
  const answers = others.map((socket) => socket.client.ask("connect", { token: "ana" }));
  await refused;
  await Promise.all(answers);
  expect(broken.client.closed).toMatchObject(CLOSE_TABLE.internal);
});
