import type { Limits } from "../limits.ts";
import { exceedsBytes } from "./name.ts";
import { readLine, type FrameFault, type Line } from "./read-line.ts";
import { scanSend } from "./send-scan.ts";

/**
 * Reads one text frame: lines of JSON, each a command or `{}`, 1 to `frameLinesMax` of them; blank
 * lines do not count. `out` is emptied and then filled in the order of the lines, so that the
 * caller can keep one array for all frames.
 *
 * A fault means that the socket has to be closed; `out` is empty then, since nothing of such a
 * frame may take effect. A line that is an object but no valid command is no fault: it becomes an
 * {@link Line} with verb `invalid`.
 *
 * Strings of a `send` are slices that share the frame's memory: whoever keeps a conversation or key
 * for long keeps its whole frame.
 */
export function parseFrame(text: string, limits: Limits, out: Line[]): FrameFault | undefined {
  out.length = 0;
  if (exceedsBytes(text, limits.frameBytesMax)) return "frame_too_large";
  let at = 0;
  while (at < text.length) {
    if (isBlank(text.charCodeAt(at))) {
      at++;
      continue;
    }
    if (out.length === limits.frameLinesMax) return fail(out, "too_many_lines");
    let end = scanSend(text, at, limits, out);
    if (end < 0) {
      end = text.indexOf("\n", at);
      if (end < 0) end = text.length;
      const line = readLine(text.slice(at, end), limits);
      if (typeof line === "string") return fail(out, line);
      out.push(line);
    }
    at = end + 1;
  }
  return out.length === 0 ? "malformed_frame" : undefined;
}

/** JSON's white space (RFC 8259, 2). */
function isBlank(c: number): boolean {
  return c === 10 || c === 13 || c === 32 || c === 9;
}

function fail(out: Line[], fault: FrameFault): FrameFault {
  out.length = 0;
  return fault;
}
