import { describe, expect, test } from "bun:test";
import { originAllowed } from "../../../gateway/origin.ts";

describe("without a list", () => {
  const config = { allowedOrigins: "same" } as const;
  test.each([
    ["http://localhost:8080", "localhost:8080", true],
    ["https://chat.example", "chat.example", true],
    ["https://chat.example", "chat.example:443", true],
    ["http://chat.example", "CHAT.example:80", true],
    ["http://[::1]:8080", "[::1]:8080", true],
    ["https://evil.example", "chat.example", false],
    ["https://chat.example.evil.example", "chat.example", false],
    ["https://evilchat.example", "chat.example", false],
    ["https://chat.example:8443", "chat.example", false],
    ["http://localhost:3000", "localhost:8080", false],
    ["http://chat.example", "chat.example:443", false],
    ["http://127.0.0.1:8080", "localhost:8080", false],
    ["null", "chat.example", false],
    ["", "chat.example", false],
    ["https://", "", false],
    ["file://", "chat.example", false],
    ["chrome-extension://abc", "abc", false],
    ["https://chat.example/path", "chat.example", false],
    ["https://user@chat.example", "chat.example", false],
    ["https://chat.example@evil.example", "chat.example", false],
    ["https://chat.example", "chat.example/path", false],
    ["https://chat.example", "user@chat.example", false],
    ["https://chat.example, https://evil.example", "chat.example", false],
    ["https://chat.example", undefined, false],
  ])("a page of %j on host %j: %p", (origin, host, expected) => {
    expect(originAllowed(origin, host, config)).toBe(expected);
  });

  test("a request without Origin is taken", () => {
    expect(originAllowed(null, "chat.example", config)).toBe(true);
    expect(originAllowed(undefined, undefined, config)).toBe(true);
  });
});

describe("with a list", () => {
  const config = { allowedOrigins: ["https://chat.example", "http://localhost:3000"] } as const;
  test.each([
    ["https://chat.example", true],
    ["http://localhost:3000", true],
    ["http://chat.example", false],
    ["https://chat.example:8443", false],
    ["https://sub.chat.example", false],
    ["null", false],
    ["*", false],
  ])("a page of %j: %p", (origin, expected) => {
    expect(originAllowed(origin, "gateway.example", config)).toBe(expected);
  });

  test("the gateway's own origin is not taken unless it is listed", () => {
    expect(originAllowed("http://rebound.example", "rebound.example", config)).toBe(false);
  });

  test("a star takes every page", () => {
    expect(originAllowed("https://any.example", "x", { allowedOrigins: ["*"] })).toBe(true);
  });
});
