import packageJson from "../../package.json" with { type: "json" };
import { jsonText } from "./document.ts";
import type { Document } from "./document.ts";
import { jsonSchema } from "./json-schema.ts";
import type { Definitions } from "./json-schema.ts";
import { commandLines, heartbeatLine, pushLines, replyLines } from "./lines.ts";
import type { Line } from "./lines.ts";

const CHANNEL = "socket";
const PROTOCOL = "tidegate.v1";
const PATH = "/v1/socket";

export const asyncapiDocument: Document = {
  path: "asyncapi.json",
  render: () => jsonText(asyncapi()),
};

/** The client protocol as AsyncAPI 3.1, from the server's point of view. */
function asyncapi(): Record<string, unknown> {
  const lines = [...commandLines, ...replyLines.values(), ...pushLines, heartbeatLine];
  return {
    asyncapi: "3.1.0",
    info: {
      title: "Tidegate client protocol",
      version: packageJson.version,
      description: `WebSocket subprotocol ${PROTOCOL}. A text frame holds lines of JSON, each one command, reply, push or heartbeat. A command has an id chosen by the client, and its reply has the same; a push has none.`,
      license: { name: packageJson.license, url: "https://www.apache.org/licenses/LICENSE-2.0" },
    },
    defaultContentType: "application/json",
    servers: {
      gateway: {
        host: "{host}",
        protocol: "wss",
        description: "Any gateway; ws without TLS on a local machine",
        variables: {
          host: { default: "localhost:8080", description: "Where the gateway listens" },
        },
      },
    },
    channels: {
      [CHANNEL]: {
        address: PATH,
        description: "One socket carries all conversations of its user",
        messages: Object.fromEntries(
          lines.map(({ name }) => [name, { $ref: `#/components/messages/${name}` }]),
        ),
        bindings: { ws: { method: "GET", headers: subprotocolHeader, bindingVersion: "0.1.0" } },
      },
    },
    operations: operations(),
    components: components(lines),
  };
}

const subprotocolHeader = {
  type: "object",
  properties: { "Sec-WebSocket-Protocol": { type: "string", const: PROTOCOL } },
  required: ["Sec-WebSocket-Protocol"],
};

function operations(): Record<string, unknown> {
  const made: Record<string, unknown> = {};
  for (const { verb, name } of commandLines) {
    const answers = [replyLines.get(verb), replyLines.get("error")].filter(
      (line) => line !== undefined,
    );
    made[verb] = {
      action: "receive",
      channel: { $ref: `#/channels/${CHANNEL}` },
      messages: [onChannel(name)],
      reply: {
        channel: { $ref: `#/channels/${CHANNEL}` },
        messages: answers.map((line) => onChannel(line.name)),
      },
    };
  }
  made["push"] = {
    action: "send",
    channel: { $ref: `#/channels/${CHANNEL}` },
    messages: pushLines.map((line) => onChannel(line.name)),
  };
  made["heartbeat"] = {
    action: "send",
    channel: { $ref: `#/channels/${CHANNEL}` },
    messages: [onChannel(heartbeatLine.name)],
    reply: {
      channel: { $ref: `#/channels/${CHANNEL}` },
      messages: [onChannel(heartbeatLine.name)],
    },
  };
  return made;
}

function onChannel(name: string): { $ref: string } {
  return { $ref: `#/channels/${CHANNEL}/messages/${name}` };
}

function components(lines: readonly Line[]): Record<string, unknown> {
  const schemas: Definitions = {};
  const messages = Object.fromEntries(
    lines.map(({ name, schema }) => [
      name,
      { name, payload: jsonSchema(schema, schemas, "#/components/schemas", "draft-07") },
    ]),
  );
  return { messages, schemas };
}
