import { AppError } from "../../src/errors.ts";

/**
 * The text of a JSON request's body.
 *
 * @throws AppError `unsupported_media_type`, `content_too_large` (as soon as the limit is passed,
 *   whatever Content-Length said), or `invalid_command` for bytes that are not UTF-8
 */
export async function readJsonText(request: Request, bytesMax: number): Promise<string> {
  checkMediaType(request.headers);
  if (Number(request.headers.get("Content-Length") ?? 0) > bytesMax) throw tooLarge(bytesMax);
  return decodeUtf8(await readBytes(request.body, bytesMax));
}

/** @throws AppError `invalid_command` */
export function decodeUtf8(bytes: Uint8Array): string {
  try {
    return new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch (error) {
    throw new AppError("invalid_command", "body is not UTF-8", { field: "body", cause: error });
  }
}

function checkMediaType(headers: Headers): void {
  const [type = "", ...parameters] = (headers.get("Content-Type") ?? "").toLowerCase().split(";");
  if (type.trim() !== "application/json") {
    throw new AppError("unsupported_media_type", "Content-Type is not application/json");
  }
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-8"?$/.test(charset)) {
    throw new AppError("unsupported_media_type", "The charset is not UTF-8");
  }
  if ((headers.get("Content-Encoding") ?? "identity") !== "identity") {
    throw new AppError("unsupported_media_type", "Content-Encoding is not understood here");
  }
}

/** @throws AppError `content_too_large` as soon as the limit is passed */
export async function readBytes(
  body: ReadableStream<Uint8Array> | null,
  bytesMax: number,
): Promise<Uint8Array> {
  if (body === null) return new Uint8Array();
  const chunks: Uint8Array[] = [];
  let length = 0;
  const reader = body.getReader();
  for (;;) {
    const { done, value } = await reader.read();
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
