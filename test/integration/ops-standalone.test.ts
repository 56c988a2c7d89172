import { expect, test } from "bun:test";
import { startStandalone } from "../../cli/standalone.ts";
import { parseConfig } from "../../src/config.ts";
import { overviewSchema } from "../../src/wire/admin.ts";
import { trust } from "../support/gateway/trust.ts";
import { createTempFolder } from "../support/temp-folder.ts";

async function start(folder: string, settings: Readonly<Record<string, string>> = {}) {
  const env = { PORT: "0", TIDEGATE_DATA: folder, LOG_LEVEL: "error", ...settings };
  const running = await startStandalone(parseConfig(env), () => {});
  const ask = (key: string) =>
    fetch(`${running.url}/v1/admin/overview`, { headers: { Authorization: `Bearer ${key}` } });
  return { running, ask, [Symbol.asyncDispose]: () => running.stop() };
}

test("with a development key standalone makes an admin key for each run, and a link with it", async () => {
  using folder = createTempFolder();
  await using program = await start(folder.path);
  const link = new URL(program.running.opsUrl ?? "");
  expect(link.href).toStartWith(`${program.running.url}/ops#key=`);
  expect((await fetch(link)).status).toBe(200);
  const response = await program.ask(link.hash.slice("#key=".length));
  const { processes, process } = overviewSchema.parse(await response.json());
  expect(process).toBe("standalone");
  expect(processes.map(({ snapshot }) => snapshot.health.status)).toEqual(["ready"]);
  expect((await program.ask("another-key-than-the-one")).status).toBe(401);
});

test("a key that is set is the only one, and is in no link", async () => {
  using folder = createTempFolder();
  const key = "a-key-that-an-operator-set";
  await using program = await start(folder.path, { TIDEGATE_ADMIN_KEY: key });
  expect(program.running.opsUrl).toBeUndefined();
  expect((await program.ask(key)).status).toBe(200);
});

test("with keys of one's own and no admin key there is no ops page", async () => {
  using folder = createTempFolder();
  await using program = await start(folder.path, trust.settings);
  expect(program.running.opsUrl).toBeUndefined();
  expect((await fetch(`${program.running.url}/ops`)).status).toBe(404);
  expect((await program.ask("some-key-that-is-guessed")).status).toBe(404);
});
