import { describe, expect, test } from "bun:test";
import { gzipSync } from "node:zlib";
import { limitsWith } from "../../../../src/limits.ts";
import {
  chunked,
  eventLines,
  replyIn,
  startMemoryIngest,
} from "../../../support/gateway/memory-ingest.ts";
import { problemIn, SERVER } from "../../../support/http.ts";

const GZIP = { "Content-Encoding": "gzip" };
const limits = limitsWith();

function inChunks(bytes: Uint8Array, size: number): ReadableStream<Uint8Array> {
  let at = 0;
  return new ReadableStream<Uint8Array>(
    {
      pull(controller) {
        if (at >= bytes.length) controller.close();
        else controller.enqueue(bytes.slice(at, (at += size)));
      },
    },
    { highWaterMark: 0 },
  );
}

describe("the answer of POST /v1/events", () => {
  test("may be read by pages, and is kept by no cache, whatever became of the lines", async () => {
    await using rig = await startMemoryIngest();
    for (const [status, body, query] of [
      [200, eventLines(1), ""],
      [207, `${eventLines(1)}nonsense`, ""],
      [400, "nonsense", ""],
      [200, eventLines(1), "?receipts=each"],
    ] as const) {
      const response = await rig.post(body, { Origin: SERVER }, query);
      expect(response.status).toBe(status);
      expect(response.headers.get("Access-Control-Allow-Origin")).toBe(SERVER);
      expect(response.headers.get("Cache-Control")).toBe("no-store");
      expect(response.headers.get("X-Content-Type-Options")).toBe("nosniff");
      expect(response.headers.get("Vary")).toContain("Origin");
      expect(await response.text()).not.toBe("");
    }
  });
});

describe("the body of POST /v1/events", () => {
  test("is lines under any of their media types, and nothing else", async () => {
    await using rig = await startMemoryIngest();
    for (const type of ["application/x-ndjson", "application/ndjson", "application/jsonl"])
      expect(
        (await rig.post(eventLines(2), { "Content-Type": `${type}; charset=UTF-8` })).status,
      ).toBe(200);
    for (const [field, value] of [
      ["Content-Type", "text/plain"],
      ["Content-Type", "application/x-ndjson; charset=latin1"],
      ["Content-Encoding", "br"],
    ] as const) {
      const problem = await problemIn(await rig.post(eventLines(1), { [field]: value }));
      expect(problem).toMatchObject({ status: 415, code: "unsupported_media_type", field });
    }
    const query = await problemIn(await rig.post(eventLines(1), {}, "?receipts=none"));
    expect(query).toMatchObject({ code: "invalid_command", field: "receipts" });
    const key = await problemIn(await rig.post(eventLines(1), { "Idempotency-Key": "weak" }));
    expect(key).toMatchObject({ code: "key_weak", field: "Idempotency-Key", limit: 16 });
  });

  test("that is a document is told what is wrong with it, as an event and not as a command", async () => {
    await using rig = await startMemoryIngest();
    const broken = (): ReadableStream<Uint8Array> =>
      new ReadableStream({ pull: (controller) => controller.error(new Error("gone")) });
    for (const [body, detail] of [
      ["", "body is empty"],
      [" \r\n", "body is empty"],
      ["[1,", "body is not a JSON array of objects that are nested 32 deep at most"],
      [eventLines(2), "body is several lines of JSON, which go as application/x-ndjson"],
      [Uint8Array.of(0x7b, 0xff), "body is not UTF-8"],
      [broken(), "body broke off"],
    ] as const) {
      const answer = await rig.post(body, { "Content-Type": "application/json" });
      expect(await problemIn(answer)).toMatchObject({
        status: 400,
        code: "invalid_event",
        field: "body",
        detail,
      });
    }
  });

  test("may be compressed, as lines and as a document", async () => {
    await using rig = await startMemoryIngest();
    const lines = await rig.post(inChunks(gzipSync(eventLines(5_000)), 777), GZIP);
    expect(await replyIn(lines)).toMatchObject({ lines: 5_000, accepted: 5_000, complete: true });
    const document = JSON.stringify([{ type: "analytics.a", payload: { text: "é" } }]);
    const json = { ...GZIP, "Content-Type": "application/json" };
    expect(await replyIn(await rig.post(gzipSync(document), json))).toMatchObject({ accepted: 1 });
  });

  test("that swells beyond the ratio is read no further: ingestInflateRatioMax", async () => {
    await using rig = await startMemoryIngest();
    // Blank lines, of which a byte stands for a thousand.
    const bomb = gzipSync(eventLines(3) + "\n".repeat(64 << 20));
    const response = await rig.post(inChunks(bomb, 4_096), GZIP);
    expect(response.status).toBe(207);
    const reply = await replyIn(response);
    expect(reply).toMatchObject({ accepted: 3, complete: false });
    expect(reply.stopped).toMatchObject({
      code: "content_too_large",
      limit: limits.ingestInflateRatioMax,
    });
    expect(reply.lines).toBeLessThan(limits.ingestBodyBytesMax + bomb.length * 200);
    const json = { ...GZIP, "Content-Type": "application/json" };
    const document = await rig.post(gzipSync(" ".repeat(8 << 20)), json);
    expect(await problemIn(document)).toMatchObject({ status: 413, code: "content_too_large" });
  });

  test("that is cut off or damaged keeps the lines before, and says so", async () => {
    await using rig = await startMemoryIngest();
    // Text that compresses badly, so that lines come out before the end.
    const noise = (i: number): string => Bun.hash(String(i)).toString(36).repeat(3);
    let text = "";
    for (let i = 0; i < 5_000; i++)
      text += `{"type":"analytics.a","payload":{"x":"${noise(i)}${noise(i + 9_999)}"}}\n`;
    const whole = gzipSync(text);
    for (const bytes of [whole.subarray(0, whole.length / 2), damaged(whole)]) {
      const response = await rig.post(inChunks(bytes, 4_096), GZIP);
      expect(response.status).toBe(207);
      const reply = await replyIn(response);
      expect(reply.accepted).toBeWithin(1, 5_000);
      expect(reply.complete).toBe(false);
      expect(reply.stopped?.code).toBe("invalid_event");
    }
    const none = await rig.post("not gzip", GZIP);
    expect(await problemIn(none)).toMatchObject({
      code: "invalid_event",
      field: "body",
      accepted: 0,
    });
    const unsaid = await problemIn(await rig.post(gzipSync(eventLines(1))));
    expect(unsaid).toMatchObject({
      detail: "the line is gzip, which Content-Encoding does not say",
    });
  });

  test("that breaks off keeps what came before it", async () => {
    await using rig = await startMemoryIngest();
    const chunks = chunked([eventLines(5), eventLines(5)]);
    const reader = chunks.stream.getReader();
    const broken = new ReadableStream<Uint8Array>(
      {
        async pull(controller) {
          const { value } = await reader.read();
          if (value === undefined) controller.error(new Error("gone"));
          else controller.enqueue(value);
        },
      },
      { highWaterMark: 0 },
    );
    const reply = await replyIn(await rig.post(broken));
    expect(reply).toMatchObject({ lines: 10, accepted: 10, complete: false });
    expect(reply.stopped).toMatchObject({
      code: "invalid_event",
      message: "body broke off",
      field: "body",
    });
  });
});

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  const middle = Math.floor(copy.length / 2);
  copy.fill(0xff, middle, middle + 64);
  return copy;
}
