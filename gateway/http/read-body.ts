import { AppError } from "../../src/errors.ts";
import { unsupported } from "./media-type.ts";

/** What a request is called whose body is at fault. */
type BodyFault = "invalid_command" | "invalid_event";

/**
 * The text of a JSON request's body.
 *
 * @throws AppError `unsupported_media_type`, `content_too_large` (as soon as the limit is passed,
 *   whatever Content-Length said), or `invalid_command` for a body that breaks off or is not UTF-8
 */
export async function readJsonText(request: Request, bytesMax: number): Promise<string> {
  checkMediaType(request.headers);
  if (Number(request.headers.get("Content-Length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
  return readText(request.body, bytesMax, "invalid_command");
}

/** @throws AppError `content_too_large`, what the stream itself refuses with, or `fault` */
export async function readText(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
  fault: BodyFault,
): Promise<string> {
  const bytes = await readBytes(body, bytesMax, fault);
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError(fault, "body is not UTF-8", { field: "body", cause: error });
  }
}

/** The error of a body whose stream failed: a client that has gone is no fault of the server's. */
function brokenOff(cause: unknown, fault: BodyFault): AppError {
  if (cause instanceof AppError) return cause;
  return new AppError(fault, "body broke off", { field: "body", cause });
}

function checkMediaType(headers: Headers): void {
  const [type = "", ...parameters] = (headers.get("Content-Type") ?? "").toLowerCase().split(";");
  if (type.trim() !== "application/json") {
    throw unsupported("Content-Type", "Content-Type is not application/json");
  }
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-8"?$/.test(charset)) {
    throw unsupported("Content-Type", "The charset is not UTF-8");
  }
  if ((headers.get("Content-Encoding") ?? "identity") !== "identity") {
    throw unsupported("Content-Encoding", "Content-Encoding is not understood here");
  }
}

/** @throws AppError `content_too_large` as soon as the limit is passed */
async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
  fault: BodyFault,
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read().catch((error: unknown) => {
      throw brokenOff(error, fault);
    });
    if (done) break;
    length += value.byteLength;
    if (length > bytesMax) {
      await reader.cancel();
      throw tooLarge(bytesMax);
    }
    chunks.push(value);
  }
  return Buffer.concat(chunks, length);
}

const tooLarge = (bytesMax: number): AppError =>
  new AppError("content_too_large", `body is longer than ${bytesMax} bytes`, {
    field: "body",
    limit: bytesMax,
  });
