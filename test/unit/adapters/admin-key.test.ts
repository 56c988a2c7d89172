import { expect, test } from "bun:test";
import { adminKeyCheck, makeAdminKey } from "../../../src/adapters/system/admin-key.ts";

test("only the key itself opens, whatever the length of what is tried", () => {
  const key = makeAdminKey();
  const check = adminKeyCheck(key);
  expect(check(key)).toBe(true);
  for (const other of ["", key.slice(1), `${key}x`, key.toLowerCase(), makeAdminKey()])
    expect(check(other)).toBe(false);
});

test("a key that is made fits the setting", () => {
  expect(makeAdminKey()).toMatch(/^[!-~]{24,200}$/);
});
