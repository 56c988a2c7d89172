import { AppError, ERROR_TABLE, type ErrorCode } from "../../src/errors.ts";
import type { DeadLetters, DeadLetterSummary } from "../../src/ports/dead-letters.ts";
import type {
  DeadLetterBody,
  DeadLetterDetailBody,
  DeadLettersReply,
  RedriveReply,
} from "../../src/wire/admin.ts";
import type { Problem } from "../../src/wire/http.ts";

export interface RemoteOptions {
  /** Of a gateway, without path. */
  readonly url: string;
  readonly adminKey: string;
  readonly timeoutMs: number;
}

/** Dead letters by way of a gateway's admin API; its errors are those of the port. */
export function remoteDeadLetters(options: RemoteOptions): DeadLetters {
  async function call<T>(path: string, body?: unknown): Promise<T> {
    const { url, adminKey, timeoutMs } = options;
    let response: Response;
    try {
      response = await fetch(new URL(`/v1/admin/${path}`, url), {
        method: body === undefined ? "GET" : "POST",
        headers: { Authorization: `Bearer ${adminKey}`, "Content-Type": "application/json" },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
        signal: AbortSignal.timeout(timeoutMs),
      });
    } catch (cause) {
      throw new AppError(
        "log_unavailable",
        `${url} does not answer: look at --url, and whether a gateway runs there`,
        { cause },
      );
    }
    if (response.ok) return (await response.json()) as T;
    throw problemError(await response.text(), response.status);
  }

  const pathOf = (id: string): string => `dead-letters/${encodeURIComponent(id)}`;
  return {
    async list({ lettersMax, ...rest }) {
      const limit = lettersMax === undefined ? {} : { limit: String(lettersMax) };
      const query = new URLSearchParams({ ...rest, ...limit });
      const { letters, next } = await call<DeadLettersReply>(`dead-letters?${query.toString()}`);
      return { letters: letters.map(summaryOf), next };
    },
    async find(id) {
      try {
        const body = await call<DeadLetterDetailBody>(pathOf(id));
        const { key, headers, value, value_chars: valueChars } = body;
        return { ...summaryOf(body), key, headers, value, valueChars };
      } catch (error) {
        if (error instanceof AppError && error.code === "not_found") return undefined;
        throw error;
      }
    },
    async redrive(id, again) {
      const body = await call<RedriveReply>(`${pathOf(id)}/redrive`, { again });
      const { redriven, offset, ...rest } = body;
      return { ...rest, offset: Number(offset), redrivenAt: redriven };
    },
  };
}

function summaryOf(body: DeadLetterBody): DeadLetterSummary {
  const { id, pool, reason, tenant, origin, attempts, kept, trace, redriven, obstacle } = body;
  return {
    id,
    pool,
    reason,
    tenant,
    origin,
    attempts,
    keptAt: kept,
    trace,
    redrivenAt: redriven,
    obstacle,
  };
}

/** What a proxy before the gateway says is no problem document. */
function problemError(text: string, status: number): AppError {
  try {
    const { code, detail } = JSON.parse(text) as Problem;
    if (Object.hasOwn(ERROR_TABLE, code)) return new AppError(code as ErrorCode, detail);
  } catch {
    // The status below is all there is to say.
  }
  return new AppError("log_unavailable", `the gateway answered with status ${status}`);
}
