import { expect, test } from "bun:test";
import { signalIfThere } from "../../support/services/service-process.ts";

test("a child that has ended by the time of its signal is left alone", async () => {
  const child = Bun.spawn(["true"]);
  await child.exited;
  expect(() => signalIfThere(child.pid, "SIGCONT")).not.toThrow();
});

test("a signal reaches a child that is there", async () => {
  const child = Bun.spawn(["sleep", "60"]);
  signalIfThere(child.pid, "SIGKILL");
  await child.exited;
  expect(child.signalCode).toBe("SIGKILL");
});
