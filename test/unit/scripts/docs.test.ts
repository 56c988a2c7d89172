import { expect, test } from "bun:test";
import { Parser } from "@asyncapi/parser";
import { z } from "zod";
import { asyncapiDocument } from "../../../scripts/docs/asyncapi.ts";
import { tablePage } from "../../../scripts/docs/document.ts";
import { jsonSchema } from "../../../scripts/docs/json-schema.ts";
import { valueText } from "../../../scripts/docs/limits.ts";
import { COMMAND_SCHEMAS } from "../../../src/wire/command.ts";

test("the AsyncAPI document is valid for its parser", async () => {
  const { document, diagnostics } = await new Parser().parse(await asyncapiDocument.render());
  expect(diagnostics.map(({ message, path }) => `${path.join("/")}: ${message}`)).toEqual([]);
  const verbs = document
    ?.allOperations()
    .all()
    .filter((operation) => operation.isReceive());
  expect(verbs?.map((operation) => operation.id())).toEqual(Object.keys(COMMAND_SCHEMAS));
});

test("the parser objects to a reference that leads nowhere", async () => {
  const broken = (await asyncapiDocument.render()).replaceAll("schemas/Send", "schemas/Sent");
  const { diagnostics } = await new Parser().parse(broken);
  expect(diagnostics.length).toBeGreaterThan(0);
});

test("named schemas are shared and referred to below the given root", () => {
  const inner = z.object({ a: z.int() }).meta({ id: "DocsTestInner" });
  const definitions = {};
  const first = jsonSchema(z.object({ one: inner }), definitions, "#/$defs");
  jsonSchema(z.object({ two: inner }), definitions, "#/$defs");
  expect(first["properties"]).toEqual({ one: { $ref: "#/$defs/DocsTestInner" } });
  expect(definitions).toEqual({
    DocsTestInner: { type: "object", properties: { a: { type: "integer" } }, required: ["a"] },
  });
});

test("a limit is written with its unit", () => {
  expect(valueText({ value: 262_144, unit: "bytes" })).toBe("256 KiB");
  expect(valueText({ value: 1_048_576, unit: "bytes" })).toBe("1 MiB");
  expect(valueText({ value: 200, unit: "bytes" })).toBe("200 bytes");
  expect(valueText({ value: 25_000, unit: "ms" })).toBe("25 s");
  expect(valueText({ value: 15, unit: "ms" })).toBe("15 ms");
  expect(valueText({ value: 200_000, unit: "count" })).toBe("200,000");
  expect(valueText({ value: 2_000, unit: "per_second" })).toBe("2,000 a second");
});

test("a cell of a table cannot break its row", () => {
  const page = tablePage({
    title: "T",
    source: "s",
    intro: "i",
    columns: ["a"],
    rows: [["x | y\nz"]],
  });
  expect(page).toEndWith("| a |\n| --- |\n| x \\| y z |\n");
});
