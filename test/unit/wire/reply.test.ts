import { describe, expect, test } from "bun:test";
import fc from "fast-check";
import { AppError, ERROR_TABLE, type ErrorCode } from "../../../src/errors.ts";
import { PUSH_SCHEMAS, REPLY_SCHEMAS } from "../../../src/wire/frame.ts";
import * as reply from "../../../src/wire/reply.ts";

const parse = (line: string): Record<string, unknown> => {
  expect(line).not.toContain("\n");
  return JSON.parse(line) as Record<string, unknown>;
};
/** The line's value, after the schema took it and found nothing to strip. */
function checked(schema: { parse(value: unknown): unknown }, value: unknown): unknown {
  const taken = schema.parse(value);
  expect(taken).toEqual(value);
  return taken;
}
const pushed = (name: keyof typeof PUSH_SCHEMAS, line: string) =>
  checked(PUSH_SCHEMAS[name], parse(line)["push"]);

const event =
  '{"id":"k.s","type":"message.sent","timestamp":1795254378085,"key":"k","sender":"ana","kind":"text","content":{"a":"\\u00e9 \\ud800","a":1.0}}';
const anyName = fc.string({ unit: "binary", minLength: 1 });

describe("a reply", () => {
  test("carries the body of connect, refresh, subscribe and unsubscribe", () => {
    const connect = {
      connection: "c1",
      tenant: "acme",
      user: 'a"na',
      heartbeat_ms: 25_000,
      limits: { frame_bytes: 1, frame_lines: 2, content_bytes: 3, credit: 4, subscriptions: 5 },
    };
    expect(checked(REPLY_SCHEMAS.connect, parse(reply.encodeReply(1, "connect", connect)))).toEqual(
      { id: 1, connect },
    );
    const subscribe = {
      epoch: "e1",
      head: 131,
      floor: 1,
      recovered: false,
      reason: "expired",
    } as const;
    expect(
      checked(REPLY_SCHEMAS.subscribe, parse(reply.encodeReply(2, "subscribe", subscribe))),
    ).toEqual({ id: 2, subscribe });
    expect(
      checked(REPLY_SCHEMAS.refresh, parse(reply.encodeReply(3, "refresh", { expires_at: 7 }))),
    ).toEqual({ id: 3, refresh: { expires_at: 7 } });
    expect(
      checked(REPLY_SCHEMAS.unsubscribe, parse(reply.encodeReply(4, "unsubscribe", {}))),
    ).toEqual({ id: 4, unsubscribe: {} });
  });

  test("to a send says where the log has it, or that only the outbox does", () => {
    const placed = reply.encodeReceipt(3, "k.s", "log", 7, 90_412);
    expect(checked(REPLY_SCHEMAS.send, parse(placed))).toEqual({
      id: 3,
      send: { message: "k.s", durability: "log", at: { partition: 7, offset: "90412" } },
    });
    // Beyond those whose text is kept, twice.
    for (const id of [3, 3])
      expect(reply.encodeReceipt(id, "k.s", "log", 70_000, 90_412)).toBe(
        placed.replace('"partition":7,', '"partition":70000,'),
      );
    expect(checked(REPLY_SCHEMAS.send, parse(reply.encodeReceipt(4, "k.s", "disk", 0, 0)))).toEqual(
      {
        id: 4,
        send: { message: "k.s", durability: "disk", at: { partition: 0, offset: "0" } },
      },
    );
    expect(checked(REPLY_SCHEMAS.send, parse(reply.encodeReceipt(5, "k.s", "outbox")))).toEqual({
      id: 5,
      send: { message: "k.s", durability: "outbox" },
    });
  });

  test("to history holds the events verbatim", () => {
    const body = reply.encodeHistory("e1", 9, 2, true, [
      { seq: 3, event },
      { seq: 4, event },
    ]);
    const line = reply.encodeHistoryReply(6, body);
    expect(line.split(event)).toHaveLength(3);
    expect(REPLY_SCHEMAS.history.parse(parse(line))).toMatchObject({
      id: 6,
      history: { epoch: "e1", head: 9, floor: 2, more: true, events: [{ seq: 3 }, { seq: 4 }] },
    });
    const empty = parse(reply.encodeHistoryReply(7, reply.encodeHistory("", 0, 1, false, [])));
    expect(checked(REPLY_SCHEMAS.history, empty)).toEqual({
      id: 7,
      history: { epoch: "", head: 0, floor: 1, more: false, events: [] },
    });
  });
});

describe("an error", () => {
  test("carries code, message, advice and what is known of the fault, for any text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary" }),
        fc.string({ unit: "binary" }),
        fc.nat(),
        (message, field, number) => {
          const error = new AppError("rate_limited", message, {
            field,
            limit: number,
            retryAfterMs: number + 0.5,
          });
          expect(checked(REPLY_SCHEMAS.error, parse(reply.encodeError(number, error)))).toEqual({
            id: number,
            error: {
              code: "rate_limited",
              message,
              retriable: true,
              field,
              limit: number,
              retry_after_ms: number + 1,
            },
          });
        },
      ),
    );
  });

  test("leaves out what is not known", () => {
    expect(reply.encodeError(0, new AppError("forbidden"))).toBe(
      `{"id":0,"error":{"code":"forbidden","message":"${ERROR_TABLE.forbidden.message}","retriable":false}}`,
    );
  });

  test.each<ErrorCode>([
    "internal",
    "fenced",
    "log_corrupt",
    "closed",
    "row_refused",
    "malformed_record",
  ])("of the inside is no more than an internal error: %s", (code) => {
    const error = new AppError(code, "/var/secret at 10.0.0.7", {
      field: "secret",
      limit: 1,
      cause: new Error("secret"),
    });
    expect(parse(reply.encodeError(1, error))["error"]).toEqual({
      code: "internal",
      message: ERROR_TABLE.internal.message,
      retriable: true,
    });
  });

  test("never shows its cause", () => {
    const error = new AppError("overloaded", undefined, { cause: new Error("secret") });
    expect(reply.encodeError(1, error)).not.toContain("secret");
  });
});

describe("a push", () => {
  test("has the event verbatim", () => {
    fc.assert(
      fc.property(anyName, fc.nat(), (conversation, seq) => {
        const line = reply.encodeEventPush(JSON.stringify(conversation), seq, event);
        expect(line).toContain(`"event":${event}}`);
        expect(pushed("event", line)).toMatchObject({ conversation, seq, event: { id: "k.s" } });
      }),
    );
  });

  test("says live, lag, reset, refused and reconnect, whatever the conversation's name", () => {
    fc.assert(
      fc.property(anyName, fc.nat(), fc.nat(), (conversation, from, to) => {
        expect(pushed("live", reply.encodeLive(conversation, to))).toEqual({
          live: { conversation, seq: to },
        });
        expect(pushed("lag", reply.encodeLag(conversation, from, to))).toEqual({
          lag: { conversation, from, to },
        });
        expect(pushed("reset", reply.encodeReset(conversation, "e2", to))).toEqual({
          reset: { conversation, epoch: "e2", floor: to },
        });
        const refused = { conversation, key: "k", message: "k.s", code: "key_conflict" };
        expect(
          pushed("refused", reply.encodeRefused(conversation, "k", "k.s", "key_conflict")),
        ).toEqual({ refused });
        expect(pushed("reconnect", reply.encodeReconnect(to + 0.2, "draining"))).toEqual({
          reconnect: { after_ms: to + 1, reason: "draining" },
        });
      }),
    );
  });
});
