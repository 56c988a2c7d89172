import { describe, expect, test } from "bun:test";
import { createAdminApp } from "../../../../gateway/admin/app.ts";
import { openApiDocument } from "../../../../gateway/http/openapi.ts";
import { createMemoryTelemetry } from "../../../../src/adapters/memory/telemetry.ts";
import { createSystemRandom } from "../../../../src/adapters/system/random.ts";
import { limitsWith } from "../../../../src/limits.ts";
import { createHttpRig } from "../../../support/http.ts";

interface Operation {
  readonly operationId: string;
  readonly responses: Readonly<Record<string, unknown>>;
}
interface Document {
  readonly openapi: string;
  readonly paths: Readonly<Record<string, Readonly<Record<string, Operation>>>>;
  readonly components: { readonly schemas: Readonly<Record<string, unknown>> };
}

const document = openApiDocument() as Document;
const operations = Object.entries(document.paths).flatMap(([path, methods]) =>
  Object.keys(methods).map((method) => [method.toUpperCase(), path] as const),
);
const rig = createHttpRig({ mintToken: () => Promise.resolve("signed") });
const letter = {
  id: "delivery:1",
  pool: "delivery",
  reason: "malformed_record",
  tenant: "acme",
  origin: "chat.messages.acme/0/1",
  attempts: 1,
  keptAt: 1,
  trace: undefined,
  redrivenAt: undefined,
  obstacle: undefined,
};
const record = { key: "general", headers: {}, value: "{}", valueChars: 2 };
const sent = { message: "m", topic: "t", partition: 0, offset: 1, redrivenAt: 1, marked: true };
const admin = createAdminApp({
  gate: { refusal: () => undefined },
  deadLetters: {
    list: () => Promise.resolve({ letters: [letter], next: undefined }),
    find: () => Promise.resolve({ ...letter, ...record }),
    redrive: (id) => Promise.resolve({ id, ...sent }),
  },
  overview: () => Promise.resolve({ now: 1, process: "a", interval_ms: 1, processes: [] }),
  random: createSystemRandom(),
  telemetry: createMemoryTelemetry(),
  limits: limitsWith(),
});
const address = (path: string): string =>
  path.replace("{conversation}", "general").replace("{id}", "delivery:1");
const ask = async (path: string, init: RequestInit): Promise<Response> =>
  (await admin(new Request(`http://gate.test${path}`, init))) ?? rig.fetch(path, init);

describe("openApiDocument", () => {
  test.each(operations)("%s %s is served", async (method, path) => {
    const { status } = await ask(address(path), { method });
    expect([404, 405]).not.toContain(status);
  });

  test.each(Object.keys(document.paths))("what %s takes is all there", async (path) => {
    const documented = operations.filter((operation) => operation[1] === path);
    const response = await ask(address(path), { method: "PATCH" });
    expect(response.headers.get("Allow")?.split(", ").toSorted()).toEqual(
      documented.map(([method]) => method).toSorted(),
    );
  });

  test("every reference leads somewhere, and the same call gives the same document", () => {
    const text = JSON.stringify(document);
    const names = [...text.matchAll(/"#\/components\/schemas\/([^"]+)"/g)].map((match) => match[1]);
    expect(names.length).toBeGreaterThan(3);
    for (const name of names) expect(document.components.schemas).toHaveProperty(name ?? "");
    expect(JSON.stringify(openApiDocument())).toBe(text);
  });
});
