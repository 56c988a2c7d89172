import { expect, test } from "bun:test";
import { Thread } from "../../src/adapters/sqlite/thread.ts";
import { rejection } from "../support/rejection.ts";
import type { EchoApi } from "./sqlite-store-thread-fixture.ts";

const FIXTURE = new URL("./sqlite-store-thread-fixture.ts", import.meta.url);

test("a thread answers each call, and a call that throws does not end it", async () => {
  const thread = new Thread<EchoApi>(FIXTURE, () => {});
  try {
    const [first, failed, second] = await Promise.all([
      thread.call("echo", ["a\u2028"]),
      rejection(thread.call("fail", [])),
      thread.call("echo", ["b"]),
    ]);
    expect([first, second]).toEqual(["a\u2028", "b"]);
    expect(failed).toMatchObject({ code: "internal", message: "failed on purpose" });
    expect(thread.pending).toBe(0);
  } finally {
    await thread.end();
  }
});

test("calls that a dying thread leaves have the outcome that they were made with", async () => {
  const reasons: string[] = [];
  const thread = new Thread<EchoApi>(FIXTURE, (reason) => reasons.push(reason));
  try {
    const codes = await Promise.all(
      [
        thread.call("exit", [], "unknown_outcome"),
        thread.call("echo", ["too late"], "unknown_outcome"),
        thread.call("echo", ["too late"]),
      ].map(rejection),
    );
    expect(codes).toMatchObject([
      { code: "unknown_outcome" },
      { code: "unknown_outcome" },
      { code: "store_unavailable" },
    ]);
    expect(reasons).toHaveLength(1);
    expect(thread.isDead).toBe(true);
    expect(await rejection(thread.call("echo", ["later"]))).toMatchObject({
      code: "store_unavailable",
    });
  } finally {
    await thread.end();
  }
});
