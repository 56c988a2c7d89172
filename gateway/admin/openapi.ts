import { createRoute, z, type RouteConfig } from "@hono/zod-openapi";
import { limitsWith } from "../../src/limits.ts";
import {
  deadLetterDetailSchema,
  deadLettersReplySchema,
  overviewSchema,
  redriveBodySchema,
  redriveReplySchema,
} from "../../src/wire/admin.ts";
import { problemSchema } from "../../src/wire/http.ts";

const limits = limitsWith();
const security = [{ admin_key: [] }];
const letter = z.object({ id: z.string().meta({ example: "delivery:12" }) });

const json = (schema: z.ZodType) => ({ "application/json": { schema } });
const ok = (description: string, schema: z.ZodType) => ({ description, content: json(schema) });
const problem = {
  description: "A problem (RFC 9457); its `code` is one of the error reference",
  content: { "application/problem+json": { schema: problemSchema } },
};

/** What `app.ts` serves; there while there is an admin key. */
export const ADMIN_ROUTES: readonly RouteConfig[] = [
  createRoute({
    method: "get",
    path: "/v1/admin/overview",
    operationId: "adminOverview",
    summary: "How all processes are, as each said last",
    security,
    responses: { 200: ok("All of them", overviewSchema), default: problem },
  }),
  createRoute({
    method: "get",
    path: "/v1/admin/dead-letters",
    operationId: "listDeadLetters",
    summary: "What could not be processed, newest first",
    security,
    request: {
      query: z.object({
        pool: z.string().optional(),
        tenant: z.string().optional(),
        limit: z.int().min(1).max(limits.deadLetterListMax).optional(),
        after: z.string().optional().meta({ description: "`next` of the page before" }),
      }),
    },
    responses: { 200: ok("A page of them", deadLettersReplySchema), default: problem },
  }),
  createRoute({
    method: "get",
    path: "/v1/admin/dead-letters/{id}",
    operationId: "showDeadLetter",
    summary: "One dead letter with its record",
    security,
    request: { params: letter },
    responses: { 200: ok("The letter", deadLetterDetailSchema), default: problem },
  }),
  createRoute({
    method: "post",
    path: "/v1/admin/dead-letters/{id}/redrive",
    operationId: "redriveDeadLetter",
    summary: "Send a dead letter's message again, with its id of before: it is placed once",
    security,
    request: { params: letter, body: { required: false, content: json(redriveBodySchema) } },
    responses: { 200: ok("It is in the log", redriveReplySchema), default: problem },
  }),
];
