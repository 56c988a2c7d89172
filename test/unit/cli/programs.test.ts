import { describe, expect, test } from "bun:test";
import { existsSync } from "node:fs";
import { createServer } from "node:net";
import { join } from "node:path";
import { DEAD_LETTERS_HELP } from "../../../cli/dead-letters/command.ts";
import { remoteDeadLetters } from "../../../cli/dead-letters/remote.ts";
import { UsageError } from "../../../cli/program.ts";
import { TENANTS_HELP, tenantCommand } from "../../../cli/tenants/command.ts";
import { TRANSFER_HELP } from "../../../cli/transfer/command.ts";
import { runTool, type Settings } from "../../support/cluster/tool.ts";
import { rejection } from "../../support/rejection.ts";
import { createTempFolder } from "../../support/temp-folder.ts";

/** Those whose help is not known before they are run. */
const PROGRAMS = ["start", "gateway", "consumers", "verify", "explain", "accept-loss"] as const;
const COMMANDS = [...PROGRAMS, "tenants", "export", "import", "dead-letters"] as const;

/** Where nothing is: whoever waits for a service there has not read its command line first. */
const NOWHERE: Settings = {
  KAFKA_BROKERS: "127.0.0.1:1",
  REDIS_URL: "redis://127.0.0.1:1",
  DATABASE_URL: "postgres://ana:word@127.0.0.1:1/chat",
  NODE_ENV: "development",
};

const tidegate = (args: readonly string[], settings: Settings = {}) =>
  runTool("cli/tidegate.ts", args, settings);

test("every command has a help with an example of its own, without any setting", async () => {
  const { code, errors, output } = await tidegate(["--help"]);
  expect([code, errors]).toEqual([0, ""]);
  for (const command of COMMANDS) expect(output).toContain(`\n  ${command.padEnd(12)} `);
  const helps = new Map<string, string>([
    ["tenants", TENANTS_HELP],
    ["export", TRANSFER_HELP],
    ["import", TRANSFER_HELP],
    ["dead-letters", DEAD_LETTERS_HELP],
  ]);
  for (const command of PROGRAMS) {
    const end = await tidegate([command, "--help"]);
    expect([end.code, end.errors]).toEqual([0, ""]);
    helps.set(command, end.output);
  }
  for (const [command, help] of helps)
    expect(help.split(/\nExamples?\n/)[1]).toMatch(new RegExp(`bun run .*${command}`));
});

describe("a command line that is not understood", () => {
  test.each([
    ["start", "settings come from the environment, as in PORT=9000 bun run start"],
    ["gateway", "as in PORT=9000 bun run gateway"],
    ["tenants", "Unknown option '--port'"],
  ])("ends %s with 2, and says what is wrong", async (command, text) => {
    const { code, output, errors } = await tidegate([command, "--port", "9000"], NOWHERE);
    expect([code, output]).toEqual([2, ""]);
    expect(errors).toContain(text);
    expect(errors).toContain(`bun run ${command}`);
  });

  test("is a wrong name of a tenant too", () => {
    expect(() => tenantCommand(["add", "UPPER"])).toThrow(UsageError);
    expect(() => tenantCommand(["show", "a--b"])).toThrow("with single hyphens between them");
  });
});

test("the help of tenants says what each plan allows", () => {
  expect(TENANTS_HELP).toMatch(/^ {2}shared .*; 100 messages\/s, 1,000 connections$/m);
  expect(TENANTS_HELP).toMatch(/^ {2}standard [^;]*$/m);
});

describe("a program that cannot listen says which setting to change", () => {
  test("a host that nobody knows, before anything is opened", async () => {
    using folder = createTempFolder();
    const data = join(folder.path, "data");
    const settings = { ...NOWHERE, PORT: "0", HOST: "no-such-host.invalid", TIDEGATE_DATA: data };
    const ends = await Promise.all(
      ["start", "gateway", "consumers"].map((command) => tidegate([command], settings)),
    );
    for (const { code, errors } of ends) {
      expect(code).toBe(1);
      expect(errors).toStartWith(
        'The settings are not valid:\n  HOST "no-such-host.invalid" is no',
      );
      expect(errors).toContain("0.0.0.0");
    }
    expect(existsSync(data)).toBe(false);
  });

  test("an address that is not this machine's", async () => {
    using folder = createTempFolder();
    // Of the block that is kept for documentation (RFC 5737).
    const settings = { PORT: "0", HOST: "192.0.2.1", TIDEGATE_DATA: folder.path };
    const { code, errors } = await tidegate(["start"], settings);
    expect(code).toBe(1);
    expect(errors).toContain(
      "cannot listen on 192.0.2.1:0. Set HOST to an address of this machine",
    );
  });

  test("a busy port, which no check of services could explain", async () => {
    using folder = createTempFolder();
    const taken = createServer();
    await new Promise<void>((resolve) => taken.listen(0, "127.0.0.1", resolve));
    const { port } = taken.address() as { port: number };
    const settings = {
      ...NOWHERE,
      TIDEGATE_DATA: folder.path,
      PORT: `${port}`,
      TIDEGATE_CONSUMERS_PORT: `${port}`,
    };
    const ends = await Promise.all([
      tidegate(["gateway"], settings),
      tidegate(["consumers"], settings),
    ]);
    taken.close();
    for (const { code, errors } of ends) {
      expect(code).toBe(1);
      const [last = ""] = errors.trimEnd().split("\n").slice(-1);
      expect(last).toStartWith(`Tidegate cannot start: port ${port} is in use`);
      expect(last).not.toContain("verify");
    }
  });
});

test("what is wrong with files and the host is told with everything else, at once", async () => {
  using folder = createTempFolder();
  const nothing = join(folder.path, "nothing");
  const settings = {
    ...NOWHERE,
    TIDEGATE_JWT_KEYS: nothing,
    TIDEGATE_JWT_ISSUER: "https://login.example",
    KAFKA_TLS_CA: nothing,
    REDIS_TLS_CA: nothing,
    DATABASE_TLS_CA: nothing,
    OTEL_EXPORTER_OTLP_ENDPOINT: "https://collector.example:4318",
    OTEL_EXPORTER_OTLP_CERTIFICATE: nothing,
    HOST: "no-such-host.invalid",
    PORT: "70000",
  };
  const files = ["KAFKA_TLS_CA", "REDIS_TLS_CA", "DATABASE_TLS_CA"];
  const keys = ["TIDEGATE_JWT_KEYS", "TIDEGATE_JWT_AUDIENCE"];
  const listens = ["OTEL_EXPORTER_OTLP_CERTIFICATE", "HOST", "PORT"];
  const [start, gateway, consumers, tenants, verify] = await Promise.all([
    tidegate(["start"], settings),
    tidegate(["gateway"], settings),
    tidegate(["consumers"], settings),
    tidegate(["tenants", "list"], settings),
    tidegate(["verify"], settings),
  ]);
  const named = ({ errors }: { readonly errors: string }) =>
    [...errors.matchAll(/^ {2}([A-Z_]+) /gm)].map(([, name = ""]) => name).toSorted();
  expect(named(start)).toEqual([...keys, ...listens].toSorted());
  expect(named(gateway)).toEqual([...files, ...keys, ...listens].toSorted());
  expect(named(consumers)).toEqual([...files, ...listens].toSorted());
  for (const tool of [tenants, verify]) expect(named(tool)).toEqual([...files, "PORT"].toSorted());
  expect(gateway.errors).toContain(`TIDEGATE_JWT_KEYS names a file that cannot be read: ENOENT`);
});

test("an import of a file that is not there makes no data folder", async () => {
  using folder = createTempFolder();
  const data = join(folder.path, "data");
  const file = join(folder.path, "moved.ndjson");
  const { code, output, errors } = await tidegate(["import", file, "--to", "standalone"], {
    TIDEGATE_DATA: data,
  });
  expect([code, output]).toEqual([1, ""]);
  expect(errors).toStartWith("import: ENOENT");
  expect(errors).toContain(file);
  expect(existsSync(data)).toBe(false);
});

test("accept-loss says once which command it is that was not understood", async () => {
  const { code, errors } = await tidegate(["accept-loss", "acme", "--yes"]);
  expect(code).toBe(2);
  expect(errors).toStartWith("accept-loss takes one partition");
});

test("dead-letters says where to look when a gateway does not answer, or refuses its key", async () => {
  using gateway = Bun.serve({
    port: 0,
    fetch: () => Response.json({ code: "unauthenticated", detail: "no" }, { status: 401 }),
  });
  const settings = { TIDEGATE_ADMIN_KEY: "a".repeat(24) };
  const ask = ["dead-letters", "list", "--url", `http://127.0.0.1:${gateway.port}`];
  const refused = await tidegate(ask, settings);
  expect(refused.code).toBe(1);
  expect(refused.errors).toContain("set TIDEGATE_ADMIN_KEY as the gateway has it");
  const nobody = remoteDeadLetters({ url: "http://127.0.0.1:1", adminKey: "a", timeoutMs: 5_000 });
  expect(await rejection(nobody.list({}))).toMatchObject({
    message: "http://127.0.0.1:1 does not answer: look at --url, and whether a gateway runs there",
  });
});
