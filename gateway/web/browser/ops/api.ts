import type {
  DeadLetterDetailBody,
  DeadLettersReply,
  Overview,
  RedriveReply,
} from "../../../../src/wire/admin.ts";
import type { Problem } from "../../../../src/wire/http.ts";

/** What the admin API refused. */
export class ApiError extends Error {
  readonly code: string;
  readonly status: number;

  constructor(problem: Pick<Problem, "detail" | "code" | "status">) {
    super(problem.detail);
    this.name = "ApiError";
    this.code = problem.code;
    this.status = problem.status;
  }
}

const TIMEOUT_MS = 10_000;

/** The admin API with a key. Every call throws ApiError, or TypeError when nobody answers. */
export class AdminApi {
  readonly #key: string;

  constructor(key: string) {
    this.#key = key;
  }

  overview(): Promise<Overview> {
    return this.#call("overview");
  }

  letters(after?: string): Promise<DeadLettersReply> {
    const query = new URLSearchParams({ limit: "25", ...(after === undefined ? {} : { after }) });
    return this.#call(`dead-letters?${query.toString()}`);
  }

  letter(id: string): Promise<DeadLetterDetailBody> {
    return this.#call(`dead-letters/${encodeURIComponent(id)}`);
  }

  redrive(id: string, again: boolean): Promise<RedriveReply> {
    return this.#call(`dead-letters/${encodeURIComponent(id)}/redrive`, { again });
  }

  async #call<T>(path: string, body?: unknown): Promise<T> {
    const response = await fetch(`/v1/admin/${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        Authorization: `Bearer ${this.#key}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      cache: "no-store",
      signal: AbortSignal.timeout(TIMEOUT_MS),
    });
    if (response.ok) return (await response.json()) as T;
    const problem = (await response.json().catch(() => undefined)) as Problem | undefined;
    throw new ApiError(
      problem ?? { code: "internal", status: response.status, detail: response.statusText },
    );
  }
}
