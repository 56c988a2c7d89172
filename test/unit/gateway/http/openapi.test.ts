import { describe, expect, test } from "bun:test";
import { openApiDocument } from "../../../../gateway/http/openapi.ts";
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
const address = (path: string): string => path.replace("{conversation}", "general");

describe("openApiDocument", () => {
  test.each(operations)("%s %s is served", async (method, path) => {
    const { status } = await rig.fetch(address(path), { method });
    expect([404, 405]).not.toContain(status);
  });

  test.each(Object.keys(document.paths))("what %s takes is all there", async (path) => {
    const documented = operations.filter((operation) => operation[1] === path);
    const response = await rig.fetch(address(path), { method: "PATCH" });
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
