import { z } from "zod";

export type JsonSchema = Record<string, unknown>;

/** Named schemas that others refer to, by their `id`. */
export type Definitions = Record<string, JsonSchema>;

type Target = "draft-07" | "draft-2020-12";

/**
 * The JSON Schema of a zod schema as its writer sees it (before defaults). Schemas that have an
 * `id` are moved to `definitions`, so that several documents' parts share them.
 *
 * @param root where the definitions will be, as a JSON pointer: `#/$defs`
 */
export function jsonSchema(
  schema: z.ZodType,
  definitions: Definitions,
  root: string,
  target: Target = "draft-2020-12",
): JsonSchema {
  const {
    $schema: _,
    $defs,
    definitions: oldDefs,
    ...rest
  } = z.toJSONSchema(schema, {
    target: target === "draft-07" ? "draft-7" : target,
    io: "input",
    override: ({ jsonSchema: made }) => {
      // What every zod integer has; it says nothing and hides the bounds that were chosen.
      if (made.minimum === Number.MIN_SAFE_INTEGER) delete made.minimum;
      if (made.maximum === Number.MAX_SAFE_INTEGER) delete made.maximum;
    },
  }) as JsonSchema;
  const named = { ...(oldDefs as Definitions | undefined), ...($defs as Definitions | undefined) };
  for (const [name, definition] of Object.entries(named)) {
    const { id: _id, $id: _$id, ...body } = withRefs(definition, root) as JsonSchema;
    const known = definitions[name];
    if (known !== undefined && JSON.stringify(known) !== JSON.stringify(body)) {
      throw new Error(`two schemas have the id ${name}`);
    }
    definitions[name] = body;
  }
  return withRefs(rest, root) as JsonSchema;
}

/** A copy whose references into a schema's own definitions point below `root`. */
function withRefs(value: unknown, root: string): unknown {
  if (Array.isArray(value)) return value.map((item) => withRefs(item, root));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(
    Object.entries(value).map(([key, inner]) => [
      key,
      key === "$ref" && typeof inner === "string"
        ? inner.replace(/^#\/(\$defs|definitions)/, root)
        : withRefs(inner, root),
    ]),
  );
}
