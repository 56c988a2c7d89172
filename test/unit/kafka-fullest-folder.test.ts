import { expect, test } from "bun:test";
import { fullestFolder } from "../../src/adapters/kafka/fullest-folder.ts";

const folder = (totalBytes: bigint, usableBytes: bigint) => ({ totalBytes, usableBytes });

test("a disk that is full is not hidden by the room of another one", () => {
  expect(fullestFolder([folder(1_000n, 900n), folder(100n, 1n), folder(500n, 250n)])).toEqual({
    sizeBytes: 100,
    freeBytes: 1,
  });
});

test("a folder that does not tell its room, as one that is offline, is passed over", () => {
  expect(fullestFolder([folder(-1n, -1n), folder(100n, 40n)])).toEqual({
    sizeBytes: 100,
    freeBytes: 40,
  });
  expect(fullestFolder([folder(-1n, -1n)])).toBeUndefined();
  expect(fullestFolder([])).toBeUndefined();
});
