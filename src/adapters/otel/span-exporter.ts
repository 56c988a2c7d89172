import { Agent } from "node:https";
import { promisify } from "node:util";
import { gzip } from "node:zlib";
import { convertLegacyHttpOptions } from "@opentelemetry/otlp-exporter-base/node-http";
import type { Clock } from "../../ports/clock.ts";

export interface SpanExporterOptions {
  /** The whole URL, with `/v1/traces`. */
  readonly url: string;
  readonly headers: Readonly<Record<string, string>>;
  /** For one export, its repetitions included. */
  readonly timeoutMs: number;
  readonly clock: Pick<Clock, "monotonic" | "after">;
}

/** "Retryable response codes" of OTLP/HTTP; any other answer would be the same the next time. */
const PASSING: ReadonlySet<number> = new Set([429, 502, 503, 504]);
const WAIT_MS = 1_000;
const WAIT_GROWTH = 1.5;
/** Each wait is up to so much longer or shorter, so that not all processes come back at once. */
const WAIT_SPREAD = 0.2;
/** Of an answer that is read, so that its connection can be used again. */
const ANSWER_BYTES_MAX = 64 * 1024;

/** Why an export was not taken, and whether it may be if it is tried again. */
interface Failure {
  readonly error: Error;
  readonly again: boolean;
  /** As the collector asks for; undefined when it does not say. */
  readonly waitMs: number | undefined;
}

const zip = promisify(gzip);

/**
 * Posts spans as OTLP over HTTP. The library reads its settings (certificates, compression, further
 * headers) and no more: its transport pipes each body through a stream into Node's client, which takes
 * the time of an encoding once more.
 */
export class SpanExporter {
  readonly #http: ReturnType<typeof convertLegacyHttpOptions>;
  readonly #timeoutMs: number;
  readonly #clock: SpanExporterOptions["clock"];
  #tls: Promise<Bun.TLSOptions> | undefined;

  constructor({ url, headers, timeoutMs, clock }: SpanExporterOptions) {
    const config = { url, headers: { ...headers } };
    const required = { "Content-Type": "application/x-protobuf", "User-Agent": "tidegate" };
    this.#http = convertLegacyHttpOptions(config, "TRACES", "v1/traces", required);
    this.#timeoutMs = timeoutMs;
    this.#clock = clock;
  }

  /** Tries until the collector has it, refuses it or the time is over. @returns why it has it not */
  async send(body: Uint8Array): Promise<Error | undefined> {
    const deadline = this.#clock.monotonic() + this.#timeoutMs;
    for (let usualMs = WAIT_MS; ; usualMs *= WAIT_GROWTH) {
      const failure = await this.#post(body, deadline - this.#clock.monotonic());
      if (failure === undefined) return undefined;
      const spread = 1 + WAIT_SPREAD * (2 * Math.random() - 1);
      const waitMs = failure.waitMs ?? usualMs * spread;
      if (!failure.again || this.#clock.monotonic() + waitMs >= deadline) return failure.error;
      await new Promise<void>((resolve) => this.#clock.after(waitMs, resolve));
    }
  }

  async #post(body: Uint8Array, timeoutMs: number): Promise<Failure | undefined> {
    const { url, headers, compression } = this.#http;
    const isZipped = compression === "gzip";
    try {
      const response = await fetch(url, {
        method: "POST",
        headers: { ...(await headers()), ...(isZipped && { "Content-Encoding": "gzip" }) },
        body: isZipped ? await zip(body) : body,
        signal: AbortSignal.timeout(Math.max(1, timeoutMs)),
        tls: await (this.#tls ??= this.#tlsOptions()),
      });
      await passOver(response);
      if (response.ok) return undefined;
      const error = new Error(`HTTP ${response.status} ${response.statusText}`);
      const waitMs = retryAfterMs(response.headers.get("retry-after"));
      return { error, again: PASSING.has(response.status), waitMs };
    } catch (cause) {
      const error = cause instanceof Error ? cause : new Error(String(cause));
      return { error, again: true, waitMs: undefined };
    }
  }

  async #tlsOptions(): Promise<Bun.TLSOptions> {
    const { agentFactory, url } = this.#http;
    const agent = await agentFactory(new URL(url).protocol);
    if (!(agent instanceof Agent)) return {};
    const { ca, cert, key } = agent.options;
    return {
      ...(ca !== undefined && { ca: ca as NonNullable<Bun.TLSOptions["ca"]> }),
      ...(cert !== undefined && { cert: cert as NonNullable<Bun.TLSOptions["cert"]> }),
      ...(key !== undefined && { key: key as NonNullable<Bun.TLSOptions["key"]> }),
    };
  }
}

async function passOver(response: Response): Promise<void> {
  const length = Number(response.headers.get("content-length") ?? Number.NaN);
  if (length <= ANSWER_BYTES_MAX) await response.arrayBuffer();
  else await response.body?.cancel();
}

/** Ms of a `Retry-After` in seconds; a date would be of another clock. */
function retryAfterMs(text: string | null): number | undefined {
  return text !== null && /^\d{1,6}$/.test(text) ? Number(text) * 1_000 : undefined;
}
