import { expect, test } from "bun:test";
import { cycleFaults } from "../../support/architecture/cycles.ts";
import { edgeFaults } from "../../support/architecture/edges.ts";
import { faultText } from "../../support/architecture/fault.ts";
import { importsOf } from "../../support/architecture/imports.ts";

const faultsOf = (path: string, text: string): string[] =>
  edgeFaults({ path, text }).map(faultText);

test.each([
  ["src/limits.ts", 'import { z } from "zod";', "imports zod"],
  ["src/wire/event.ts", 'import { Hono } from "hono";', "imports hono"],
  ["src/wire/event.ts", 'import type { Clock } from "../ports/clock.ts";', "src/ports/clock.ts"],
  ["src/chat/heads.ts", 'import { backoff } from "../policy/backoff.ts";', "src/policy/backoff.ts"],
  ["src/chat/heads.ts", 'import { createHash } from "node:crypto";', "imports node:crypto"],
  ["src/policy/backoff.ts", 'import { config } from "../config.ts";', "src/config.ts"],
  ["src/ports/clock.ts", 'import type { Server } from "bun";', "imports bun"],
  [
    "src/ports/clock.ts",
    'import { x } from "../adapters/memory/x.ts";',
    "src/adapters/memory/x.ts",
  ],
  ["src/adapters/sqlite/log.ts", 'import { x } from "../memory/x.ts";', "adapters do not know"],
  [
    "src/adapters/bun/server.ts",
    'import { hub } from "../../../gateway/hub.ts";',
    "gateway/hub.ts",
  ],
  ["src/client/session.ts", 'import { schema } from "../wire/frame.ts";', "only types of wire"],
  ["src/client/session.ts", 'import { z } from "zod";', "imports no package"],
  [
    "gateway/hub.ts",
    'import { x } from "../src/adapters/memory/x.ts";',
    "src/adapters/memory/x.ts",
  ],
  ["gateway/hub.ts", 'import type { Pool } from "../consumers/pool.ts";', "consumers/pool.ts"],
  [
    "gateway/hub.ts",
    'const x = await import("../src/adapters/memory/x.ts");',
    "src/adapters/memory",
  ],
  [
    "gateway/hub.ts",
    'export { x } from "../src/adapters/memory/x.ts";',
    "src/adapters/memory/x.ts",
  ],
  ["gateway/hub.ts", 'import "../src/adapters/memory/x.ts";', "src/adapters/memory/x.ts"],
  ["gateway/hub.ts", 'import { readFileSync } from "node:fs";', "imports node:fs"],
  ["gateway/main.ts", 'import { pool } from "../consumers/pool.ts";', "consumers/pool.ts"],
  ["consumers/pool.ts", 'import { hub } from "../gateway/hub.ts";', "gateway/hub.ts"],
  ["cli/start.ts", 'import { x } from "../test/support/x.ts";', "nothing but tests imports test"],
  ["src/wire/event.ts", 'import { x } from "./name";', "without its file extension"],
  ["lib/x.ts", "", "belongs to no layer"],
])("%s may not have: %s", (path, text, message) => {
  const faults = faultsOf(path, text);
  expect(faults).toHaveLength(1);
  expect(faults[0]).toContain(message);
});

test.each([
  ["src/wire/event.ts", 'import { z } from "zod";\nimport { limitsWith } from "../limits.ts";'],
  ["src/ports/event-log.ts", 'import type { TopicSpec } from "../topics.ts";'],
  ["src/adapters/sqlite/log.ts", 'import { Database } from "bun:sqlite";\nimport "./sql.ts";'],
  ["src/client/session.ts", 'import type { Event } from "../wire/event.ts";'],
  ["src/client/session.ts", 'import { type Event } from "../wire/event.ts";'],
  ["gateway/http/app.ts", 'import { cors } from "hono/cors";'],
  ["gateway/main.ts", 'import { x } from "../src/adapters/memory/x.ts";'],
  ["cli/start.ts", 'import { x } from "../consumers/x.ts";\nimport { y } from "../gateway/y.ts";'],
  ["test/unit/x.test.ts", 'import { x } from "../../src/adapters/memory/x.ts";'],
  ["gateway/hub.ts", '// import { x } from "../src/adapters/memory/x.ts";'],
  ["gateway/hub.ts", 'const text = `\nimport "../src/adapters/memory/x.ts";`;'],
])("%s may have: %s", (path, text) => {
  expect(faultsOf(path, text)).toEqual([]);
});

test("imports are found whatever their form, with their line", () => {
  const text = [
    'import a from "./a.ts";',
    "import type {",
    "  B,",
    '} from "./b.ts";',
    'export * from "./c.ts";',
    'const d = await import("./d.ts");',
  ].join("\n");
  expect(
    importsOf({ path: "src/wire/x.ts", text }).map(({ target, line }) => [target, line]),
  ).toEqual([
    ["src/wire/a.ts", 1],
    ["src/wire/b.ts", 4],
    ["src/wire/c.ts", 5],
    ["src/wire/d.ts", 6],
  ]);
});

test("a cycle is told once, types included", () => {
  const files = [
    { path: "src/wire/c.ts", text: 'import type { A } from "./a.ts";' },
    { path: "src/wire/a.ts", text: 'import { b } from "./b.ts";\nb();' },
    { path: "src/wire/b.ts", text: 'import { c } from "./c.ts";\nc();' },
    { path: "src/wire/d.ts", text: 'import { a } from "./a.ts";\na();' },
  ];
  expect(cycleFaults(files).map(faultText)).toEqual([
    "src/wire/a.ts: is part of a cycle: src/wire/a.ts → src/wire/b.ts → src/wire/c.ts → src/wire/a.ts",
  ]);
  expect(cycleFaults(files.slice(1))).toEqual([]);
});
