import { expect, test } from "bun:test";
import { AdminGate } from "../../../../gateway/admin/gate.ts";

const limits = { adminGuessesPerSecond: 1, adminGuessesBurst: 3, adminKnownMs: 10_000 };

function setUp() {
  let now = 0;
  let looks = 0;
  const gate = new AdminGate({
    isAdmin(key) {
      looks++;
      return key === "right";
    },
    clock: { monotonic: () => now },
    limits,
  });
  return {
    try: (key?: string) => gate.refusal(key)?.code,
    refusal: (key: string) => gate.refusal(key),
    pass: (ms: number) => (now += ms),
    looks: () => looks,
  };
}

test("the key opens, nothing else does", () => {
  const gate = setUp();
  expect(gate.try("right")).toBeUndefined();
  expect(gate.try("wrong")).toBe("unauthenticated");
  expect(gate.try()).toBe("unauthenticated");
});

test("wrong keys beyond adminGuessesBurst are not looked at until there is time for them", () => {
  const gate = setUp();
  for (let i = 0; i < 3; i++) expect(gate.try("wrong")).toBe("unauthenticated");
  expect(gate.try("wrong")).toBe("rate_limited");
  // Else a guess that is right would be told from one that is wrong.
  expect(gate.try("right")).toBe("rate_limited");
  expect(gate.refusal("wrong")?.retryAfterMs).toBe(1_000);
  expect(gate.looks()).toBe(3);
  gate.pass(1_000);
  expect(gate.try("right")).toBeUndefined();
});

test("right keys cost nothing, however many there are", () => {
  const gate = setUp();
  for (let i = 0; i < 50; i++) expect(gate.try("right")).toBeUndefined();
  for (let i = 0; i < 3; i++) expect(gate.try("wrong")).toBe("unauthenticated");
});

test("who has signed in stays in while others guess, until adminKnownMs after the last use", () => {
  const gate = setUp();
  expect(gate.try("right")).toBeUndefined();
  for (let i = 0; i < 9; i++) gate.try("wrong");
  gate.pass(9_999);
  expect(gate.try("right")).toBeUndefined();
  gate.pass(9_999);
  for (let i = 0; i < 5; i++) gate.try("wrong");
  expect(gate.try("right")).toBeUndefined();
});
