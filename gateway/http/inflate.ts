import { AppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";

/**
 * Decompresses a gzip body (RFC 1952) as it is read. A body that swells beyond the ratio ends with
 * `content_too_large` before more of it is made; one that is damaged or cut off, with
 * `invalid_event`.
 */
export function inflate(
  body: ReadableStream<Uint8Array>,
  limits: Pick<Limits, "ingestInflateRatioMax" | "ingestBodyBytesMax">,
): ReadableStream<Uint8Array> {
  let inBytes = 0;
  let outBytes = 0;
  const counted = body.pipeThrough(
    new TransformStream<Uint8Array, Uint8Array<ArrayBuffer>>({
      transform(chunk, controller) {
        inBytes += chunk.byteLength;
        controller.enqueue(chunk as Uint8Array<ArrayBuffer>);
      },
    }),
  );
  const reader = counted.pipeThrough(new DecompressionStream("gzip")).getReader();
  return new ReadableStream<Uint8Array>(
    {
      async pull(controller) {
        const { done, value } = await reader.read().catch((error: unknown) => {
          const message = "body is damaged or not gzip";
          throw new AppError("invalid_event", message, { field: "body", cause: error });
        });
        if (done) {
          controller.close();
          return;
        }
        outBytes += value.byteLength;
        const { ingestInflateRatioMax: limit, ingestBodyBytesMax } = limits;
        if (outBytes > ingestBodyBytesMax + inBytes * limit) {
          const message = `body is more than ${limit} times as long as it was compressed`;
          throw new AppError("content_too_large", message, { field: "body", limit });
        }
        controller.enqueue(value);
      },
      cancel: (reason) => reader.cancel(reason),
    },
    { highWaterMark: 0 },
  );
}
