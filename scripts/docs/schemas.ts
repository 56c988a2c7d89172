import { jsonText } from "./document.ts";
import type { Document } from "./document.ts";
import { jsonSchema } from "./json-schema.ts";
import type { Definitions } from "./json-schema.ts";
import { commandLines, heartbeatLine, pushLines, replyLines } from "./lines.ts";
import type { Line } from "./lines.ts";

const DRAFT = "https://json-schema.org/draft/2020-12/schema";

/** What a client may write on one line of a frame. */
export const clientLineDocument: Document = {
  path: "schemas/client-line.json",
  render: () => lineSchema("A line from the client", [...commandLines, heartbeatLine]),
};

/** What a server may write on one line of a frame. */
export const serverLineDocument: Document = {
  path: "schemas/server-line.json",
  render: () =>
    lineSchema("A line from the server", [...replyLines.values(), ...pushLines, heartbeatLine]),
};

function lineSchema(title: string, lines: readonly Line[]): string {
  const definitions: Definitions = {};
  const anyOf = lines.map(({ name, schema }) => {
    definitions[name] = jsonSchema(schema, definitions, "#/$defs");
    return { $ref: `#/$defs/${name}` };
  });
  return jsonText({ $schema: DRAFT, title, anyOf, $defs: definitions });
}
