import { TidegateError } from "./errors.ts";

/** Levels of content that fit into a frame of the server; one that is deeper would end the socket. */
export const CONTENT_DEPTH_MAX = 30;

/** The content as JSON. Throws `invalid_content` for what is no JSON object, or is too deep. */
export function contentText(content: object): string {
  let text: string | undefined;
  try {
    text = JSON.stringify(content);
  } catch (cause) {
    throw new TidegateError("invalid_content", "Cannot write the content as JSON", { cause });
  }
  if (text?.startsWith("{") !== true) {
    throw new TidegateError("invalid_content", "The content is not a JSON object");
  }
  if (depthOf(text) > CONTENT_DEPTH_MAX) {
    const message = `The content is nested deeper than ${CONTENT_DEPTH_MAX} levels`;
    throw new TidegateError("invalid_content", message, { limit: CONTENT_DEPTH_MAX });
  }
  return text;
}

function depthOf(json: string): number {
  let depth = 0;
  let deepest = 0;
  let quoted = false;
  for (let i = 0; i < json.length; i++) {
    const c = json.charCodeAt(i);
    if (quoted) {
      if (c === 92) i++;
      else if (c === 34) quoted = false;
    } else if (c === 34) quoted = true;
    else if (c === 123 || c === 91) deepest = Math.max(deepest, ++depth);
    else if (c === 125 || c === 93) depth--;
  }
  return deepest;
}
