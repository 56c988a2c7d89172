import { AppError } from "../../src/errors.ts";

/** What a request says of its body. */
export interface MediaType {
  /** In lower case, without parameters. */
  readonly type: string;
  readonly isGzip: boolean;
}

/**
 * The form of a request's body.
 *
 * @throws AppError `unsupported_media_type` for another charset than UTF-8, or an encoding that is
 *   not understood
 */
export function mediaTypeOf(headers: Headers): MediaType {
  const [type = "", ...parameters] = (headers.get("Content-Type") ?? "").toLowerCase().split(";");
  const charset = parameters.map((text) => text.trim()).find((text) => text.startsWith("charset="));
  if (charset !== undefined && !/^charset="?utf-8"?$/.test(charset))
    throw unsupported("Content-Type", "The charset is not UTF-8");
  const encoding = (headers.get("Content-Encoding") ?? "identity").trim().toLowerCase();
  const isGzip = encoding === "gzip" || encoding === "x-gzip";
  if (!isGzip && encoding !== "identity")
    throw unsupported("Content-Encoding", "Content-Encoding is neither gzip nor identity");
  return { type: type.trim(), isGzip };
}

/** @param header the one at fault */
export function unsupported(
  header: "Content-Type" | "Content-Encoding",
  message: string,
): AppError {
  return new AppError("unsupported_media_type", message, { field: header });
}
