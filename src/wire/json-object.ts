/** What JSON.parse makes of an object; a `__proto__` in it is a property like any other. */
export type JsonObject = Readonly<Record<string, unknown>>;

export function isJsonObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** The JSON object that the text is, or undefined when it is none. */
export function parseObject(text: string): JsonObject | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    // That it is no JSON is the answer; where it breaks is of no use to anyone.
    return undefined;
  }
  return isJsonObject(value) ? value : undefined;
}
