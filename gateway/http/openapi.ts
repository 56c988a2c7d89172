import { createRoute, OpenAPIHono, z, type RouteConfig } from "@hono/zod-openapi";
import { limitsWith } from "../../src/limits.ts";
import { cursorSchema } from "../../src/wire/cursor.ts";
import { eventLineSchema, sendLineSchema } from "../../src/wire/event-line.ts";
import { historyReplySchema } from "../../src/wire/frame.ts";
import {
  devTokenBodySchema,
  devTokenReplySchema,
  healthReplySchema,
  ingestReceiptSchema,
  ingestReplySchema,
  problemSchema,
  sendReplySchema,
} from "../../src/wire/http.ts";
import { conversationSchema } from "../../src/wire/name.ts";
import { sendBodySchema } from "../../src/wire/send-check.ts";
import { ADMIN_ROUTES } from "../admin/openapi.ts";

const limits = limitsWith();
const VERSION = "1";
const security = [{ bearer: [] }];
const conversation = z.object({ conversation: conversationSchema });

const line = z.union([eventLineSchema, sendLineSchema]);

const json = (schema: z.ZodType) => ({ "application/json": { schema } });
const ok = (description: string, schema: z.ZodType) => ({ description, content: json(schema) });
const problem = {
  description: "A problem (RFC 9457); its `code` is one of the error reference",
  content: { "application/problem+json": { schema: problemSchema } },
};
const text = (description: string) => ({
  description,
  content: { "text/plain": { schema: z.string() } },
});

/**
 * What the handlers of `app.ts` serve, from the schemas that they check with. The routes are not
 * wired through this package: its validator would parse bodies, and content has to stay text.
 */
const ROUTES: readonly RouteConfig[] = [
  createRoute({
    method: "post",
    path: "/v1/conversations/{conversation}/messages",
    operationId: "sendMessage",
    summary: "Append a message",
    security,
    request: {
      params: conversation,
      headers: z.object({
        "Idempotency-Key": z.string().optional().meta({
          description:
            "The message's key, quoted (draft-ietf-httpapi-idempotency-key-header-08) or not; the same as `key` in the body. The same key sent again is placed once",
        }),
        traceparent: z.string().optional().meta({
          description:
            "W3C Trace Context, which the message's trace goes on with; what is not valid is ignored",
        }),
      }),
      body: { required: true, content: json(sendBodySchema) },
    },
    responses: {
      200: ok("Appended, under a key that may have been sent before", sendReplySchema),
      201: ok("Appended, as the first try of its key", sendReplySchema),
      default: problem,
    },
  }),
  createRoute({
    method: "get",
    path: "/v1/conversations/{conversation}/messages",
    operationId: "readMessages",
    summary: "Read a conversation back",
    security,
    request: {
      params: conversation,
      query: z.object({
        after: cursorSchema.optional(),
        before: cursorSchema.optional(),
        limit: z
          .int()
          .min(1)
          .max(limits.historyLimitMax)
          .optional()
          .meta({ description: `${limits.historyLimitDefault} when absent` }),
      }),
    },
    responses: {
      200: ok("Messages in rising order, without holes", historyReplySchema),
      default: problem,
    },
  }),
  createRoute({
    method: "post",
    path: "/v1/events",
    operationId: "publishEvents",
    summary: "Publish events and messages: one, an array, or lines of any number",
    security,
    request: {
      query: z.object({
        receipts: z.enum(["ranges", "each"]).optional().meta({
          description:
            "`each`: the answer is a stream of lines, one for each line of the body, that can be read while the body is written",
        }),
      }),
      headers: z.object({
        "Idempotency-Key": z.string().optional().meta({
          description:
            "What events without an id of their own are named after, so that the same body sent again has the same ids",
        }),
        "Content-Encoding": z.enum(["gzip", "identity"]).optional(),
      }),
      body: {
        required: true,
        content: {
          "application/json": { schema: z.union([line, z.array(line)]) },
          "application/x-ndjson": { schema: line },
        },
      },
    },
    responses: {
      200: {
        description: "Every line is kept; with `receipts=each`: what became of each line",
        content: {
          ...json(ingestReplySchema),
          "application/x-ndjson": { schema: ingestReceiptSchema },
        },
      },
      207: ok("Some lines are kept", ingestReplySchema),
      default: {
        ...problem,
        description: `${problem.description}. Where lines were looked at and none is kept, it has the members of IngestReply too`,
      },
    },
  }),
  createRoute({
    method: "post",
    path: "/dev/token",
    operationId: "makeDevToken",
    summary: "Get a token of the demo tenant; there only while the development key is in use",
    request: { body: { required: true, content: json(devTokenBodySchema) } },
    responses: { 200: ok("A token", devTokenReplySchema), default: problem },
  }),
  createRoute({
    method: "get",
    path: "/livez",
    operationId: "live",
    summary: "Whether the process answers",
    responses: { 200: ok("It does", healthReplySchema) },
  }),
  createRoute({
    method: "get",
    path: "/readyz",
    operationId: "ready",
    summary: "Whether the process should get traffic",
    responses: {
      200: ok("It should", healthReplySchema),
      503: ok("It is draining, or a part is missing", healthReplySchema),
    },
  }),
  createRoute({
    method: "get",
    path: "/metrics",
    operationId: "metrics",
    summary: "Numbers for Prometheus",
    responses: { 200: text("The text exposition") },
  }),
];

/** The OpenAPI 3.1 document of everything over HTTP, for `docs/reference/openapi.json`. */
export function openApiDocument(): object {
  const app = new OpenAPIHono();
  app.openAPIRegistry.registerComponent("securitySchemes", "bearer", {
    type: "http",
    scheme: "bearer",
    bearerFormat: "JWT",
  });
  app.openAPIRegistry.registerComponent("securitySchemes", "admin_key", {
    type: "http",
    scheme: "bearer",
    description:
      "The value of TIDEGATE_ADMIN_KEY; without that setting these addresses are not there",
  });
  for (const route of [...ROUTES, ...ADMIN_ROUTES]) app.openAPIRegistry.registerPath(route);
  return app.getOpenAPI31Document({
    openapi: "3.1.0",
    info: {
      title: "Tidegate over HTTP",
      version: VERSION,
      description: "The same commands as on a socket, for curl and simple services.",
    },
  });
}
