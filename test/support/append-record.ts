import type { LogRecord } from "../../src/wire/record.ts";

/**
 * The n-th record of the append program. Its mark stands at both ends of a body of changing length,
 * so that at least one of them lies whole within a page of whatever file it is written to.
 */
export function fixtureRecord(n: number): LogRecord {
  const filler = "é".repeat(200 + ((n * 37) % 400));
  return { key: "k", headers: {}, value: `"<mark-${n}>${filler}<mark-${n}>"` };
}
