import { describe, expect, test } from "bun:test";
import { existsSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { GatewayProgram } from "../support/gateway/gateway-program.ts";
import { trust } from "../support/gateway/trust.ts";
import { createTempFolder } from "../support/temp-folder.ts";

/** Starts the program, which has to end by itself. @returns its lines on the error stream */
async function refusal(
  folder: string,
  settings: Readonly<Record<string, string>> = {},
): Promise<readonly string[]> {
  await using program = GatewayProgram.launch({ folder, settings });
  const { code, output, errors } = await program.end();
  expect([code, output]).toEqual([1, ""]);
  return errors.trimEnd().split("\n");
}

describe("a program that cannot start says why, what to do, and ends with 1", () => {
  test("a busy port", async () => {
    using folder = createTempFolder();
    using server = Bun.serve({
      port: 0,
      hostname: "127.0.0.1",
      fetch: () => new Response("taken"),
    });
    const lines = await refusal(folder.path, { PORT: String(server.port) });
    expect(lines).toEqual([
      `Tidegate cannot start: port ${server.port} is in use: stop what listens there, or set PORT to another one (PORT=0 picks a free one)`,
    ]);
  });

  test("a data folder that cannot be made", async () => {
    using folder = createTempFolder();
    const file = join(folder.path, "file");
    writeFileSync(file, "");
    for (const path of [join(file, "data"), file]) {
      const lines = await refusal(path);
      expect(lines).toHaveLength(1);
      expect(lines[0]).toContain(path);
      expect(lines[0]).toEndWith("Set TIDEGATE_DATA to a folder that can be written");
    }
  });

  test("a second process on one folder, which leaves the first one alone", async () => {
    using folder = createTempFolder();
    await using first = await GatewayProgram.start({ folder: folder.path });
    const lines = await refusal(folder.path);
    expect(lines).toHaveLength(1);
    expect(lines[0]).toContain("it is in use by another process");
    expect(lines[0]).toEndWith(
      "Stop the process that uses it, or set TIDEGATE_DATA to another folder",
    );
    expect((await fetch(`${first.url}/readyz`)).status).toBe(200);
  });

  test("production without keys, which makes no development key", async () => {
    using folder = createTempFolder();
    const lines = await refusal(folder.path, {
      NODE_ENV: "production",
      TIDEGATE_JWT_KEYS: "",
      TIDEGATE_JWT_ISSUER: "",
      TIDEGATE_JWT_AUDIENCE: "",
    });
    expect(lines).toEqual([
      "The settings are not valid:",
      "  TIDEGATE_JWT_KEYS is missing; the development key is refused when NODE_ENV=production",
      "See docs/reference/config.md.",
    ]);
    expect(existsSync(join(folder.path, "dev-key.json"))).toBe(false);
  });

  test("several wrong settings at once, each with a line of its own and no secret", async () => {
    using folder = createTempFolder();
    const lines = await refusal(folder.path, {
      PORT: "eighty",
      LOG_LEVEL: "loud",
      TIDEGATE_PARTITIONS: "0",
      TIDEGATE_ALOWED_ORIGINS: "https://a.example",
      TIDEGATE_JWT_KEYS: '{"keys":[{"kty":"oct","alg":"HS256","kid":"a","k":"c2VjcmV0"}]}',
    });
    expect(lines[0]).toBe("The settings are not valid:");
    const faults = lines.slice(1, -1);
    expect(faults).toHaveLength(5);
    for (const name of [
      "PORT",
      "LOG_LEVEL",
      "TIDEGATE_PARTITIONS",
      "TIDEGATE_ALOWED_ORIGINS",
      "TIDEGATE_JWT_KEYS",
    ])
      expect(faults.filter((line) => line.startsWith(`  ${name} `))).toHaveLength(1);
    expect(lines.join("\n")).toContain("did you mean TIDEGATE_ALLOWED_ORIGINS?");
    expect(lines.join("\n")).not.toContain("c2VjcmV0");
  });

  test("a key file that is not there, or holds a private key", async () => {
    using folder = createTempFolder();
    const path = join(folder.path, "keys.json");
    const missing = await refusal(folder.path, { TIDEGATE_JWT_KEYS: path });
    expect(missing.join("\n")).toContain("TIDEGATE_JWT_KEYS names a file that cannot be read");
    const { jwk } = trust.key("ES256");
    writeFileSync(path, JSON.stringify({ keys: [{ ...jwk, d: "AAAA" }] }));
    const privateKey = await refusal(folder.path, { TIDEGATE_JWT_KEYS: path });
    expect(privateKey.join("\n")).toContain("is the private part, which a gateway must not have");
  });
});
