import { createHmac } from "node:crypto";
import { plugin } from "bun";

/** What a script told its metrics: the values of each, in order. */
export const told = new Map<string, number[]>();

class Metric {
  readonly #name: string;

  constructor(name: string) {
    this.#name = name;
    told.set(name, []);
  }

  add(value: number | boolean): void {
    told.get(this.#name)?.push(Number(value));
  }
}

/** k6's socket takes headers in a third argument and no subprotocols. */
class Socket extends WebSocket {
  constructor(url: string, _: null, options: { headers: Record<string, string> }) {
    super(url, options as unknown as string[]);
  }
}

async function asyncRequest(
  method: string,
  url: string,
  body: string,
  { headers }: { headers: Record<string, string> },
): Promise<{ status: number; error: string; body: string }> {
  const response = await fetch(url, { method, body, headers });
  return { status: response.status, error: "", body: await response.text() };
}

function abort(why: string): void {
  process.stderr.write(`aborted: ${why}\n`);
  process.exit(108);
}

const fromBase64 = (text: string): Uint8Array => Buffer.from(text, "base64url");

const MODULES: Readonly<Record<string, Record<string, unknown>>> = {
  "k6/metrics": { Counter: Metric, Rate: Metric, Trend: Metric },
  "k6/websockets": { WebSocket: Socket },
  "k6/http": { default: { asyncRequest } },
  "k6/execution": { default: { vu: { idInTest: 1 }, test: { abort } } },
  "k6/encoding": {
    b64encode: (text: string) => Buffer.from(text).toString("base64url"),
    b64decode: fromBase64,
  },
  "k6/crypto": {
    hmac: (_: string, key: Uint8Array, text: string) =>
      createHmac("sha256", key).update(text).digest("base64url"),
  },
};

/** Gives scripts of k6 the modules that k6 has, as far as they use them, and its environment. */
export function provideK6(environment: Readonly<Record<string, string | undefined>>): void {
  Object.assign(globalThis, { __ENV: environment });
  plugin({
    name: "k6",
    setup(build) {
      for (const [name, exports] of Object.entries(MODULES))
        build.module(name, () => ({ exports, loader: "object" }));
    },
  });
}
