import { expect, test } from "bun:test";
import type { SpanRecord, Tracer } from "../../src/ports/tracer.ts";

/** A tracer with what has arrived where its spans go. */
export interface TracerUnderTest extends AsyncDisposable {
  readonly tracer: Tracer;
  readonly arrived: () => readonly Pick<SpanRecord, "name" | "traceId" | "spanId">[];
  /** How many it holds before further ones are dropped. */
  readonly spansMax: number;
}

const span = (tracer: Tracer, name: string): SpanRecord => ({
  name,
  kind: "internal",
  traceId: "4bf92f3577b34da6a3ce929d0e0e4736",
  spanId: tracer.newSpanId(),
  parentSpanId: undefined,
  startedAt: 1_795_254_378_085.25,
  endedAt: 1_795_254_378_086.5,
  attributes: { "messaging.system": "kafka" },
});

export function tracerConformance(open: () => TracerUnderTest): void {
  test("what was recorded before close arrives, in order", async () => {
    await using under = open();
    const { tracer } = under;
    const spans = ["a", "b", "c"].map((name) => span(tracer, name));
    for (const one of spans) tracer.record(one);
    await tracer.close();
    expect(under.arrived().map(({ name, traceId, spanId }) => ({ name, traceId, spanId }))).toEqual(
      spans.map(({ name, traceId, spanId }) => ({ name, traceId, spanId })),
    );
  });

  test("what is recorded after close is dropped, and closing twice is closing once", async () => {
    await using under = open();
    await under.tracer.close();
    under.tracer.record(span(under.tracer, "late"));
    await under.tracer.close();
    expect(under.arrived()).toEqual([]);
  });

  test("what there is no room for is dropped without a word", async () => {
    await using under = open();
    for (let i = 0; i < under.spansMax + 5; i++) under.tracer.record(span(under.tracer, String(i)));
    await under.tracer.close();
    expect(under.arrived().map(({ name }) => name)).toEqual(
      Array.from({ length: under.spansMax }, (_, i) => String(i)),
    );
  });

  test("span ids are valid and differ", async () => {
    await using under = open();
    const ids = Array.from({ length: 1_000 }, () => under.tracer.newSpanId());
    for (const id of ids) expect(id).toMatch(/^(?!0{16})[0-9a-f]{16}$/);
    expect(new Set(ids).size).toBe(ids.length);
  });
}
