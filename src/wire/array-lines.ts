import { AppError } from "../errors.ts";
import { nestsDeeper, skipBlanks, skipValue } from "./scan.ts";

const OPEN_BRACKET = 91;
const CLOSE_BRACKET = 93;
const COMMA = 44;

/**
 * The elements of a JSON array as lines, each as it was written but for line breaks between tokens,
 * which become spaces; a text that is no array is one line.
 *
 * @param depthMax of one element
 */
export function arrayLines(text: string, depthMax: number): string | AppError {
  if (text.trim() === "") return refuse("empty");
  const breaks = /[\r\n]/.test(text);
  if (breaks) {
    if (nestsDeeper(text, depthMax + 1))
      return refuse(`nested more than ${depthMax} deep`, depthMax);
    // In valid JSON line breaks stand between tokens only; in other text they may be anywhere.
    if (!isJson(text))
      return refuse(
        isJson(text.slice(0, text.search(/[\r\n]/)))
          ? "several lines of JSON, which go as application/x-ndjson"
          : "not JSON",
      );
  }
  const plain = breaks ? text.replace(/[\r\n]/g, " ") : text;
  let at = skipBlanks(plain, 0);
  if (plain.charCodeAt(at) !== OPEN_BRACKET) return plain;
  at = skipBlanks(plain, at + 1);
  const lines: string[] = [];
  if (plain.charCodeAt(at) === CLOSE_BRACKET) at++;
  else
    for (let c = COMMA; c === COMMA;) {
      at = skipBlanks(plain, at);
      const end = skipValue(plain, at, depthMax);
      if (end < 0)
        return refuse(
          `not a JSON array of objects that are nested ${depthMax} deep at most`,
          depthMax,
        );
      lines.push(plain.slice(at, end));
      at = skipBlanks(plain, end);
      c = plain.charCodeAt(at++);
      if (c !== COMMA && c !== CLOSE_BRACKET) return refuse("not a JSON array");
    }
  if (skipBlanks(plain, at) < plain.length) return refuse("not a JSON array");
  return lines.join("\n");
}

function isJson(text: string): boolean {
  try {
    JSON.parse(text);
    return true;
  } catch {
    // Where it breaks is of no use to anyone.
    return false;
  }
}

const refuse = (what: string, limit?: number): AppError =>
  new AppError("invalid_event", `body is ${what}`, {
    field: "body",
    ...(limit !== undefined && { limit }),
  });
