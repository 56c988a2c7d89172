import http, { type RefinedResponse } from "k6/http";
import type { Crowd } from "./crowd.ts";
import { signToken } from "./token.ts";

/** Beyond it a request is not made and counts as failed: a server that is stuck must not fill k6. */
const IN_FLIGHT_MAX = 500;

/** The requests of one virtual user. */
export class Posting {
  readonly #crowd: Crowd;
  readonly #headers: Record<string, string>;
  #inFlight = 0;

  constructor(crowd: Crowd, contentType: string) {
    this.#crowd = crowd;
    const user = `k6-http-${String(crowd.origin(0).vu)}`;
    const token = signToken(crowd.settings.token, user);
    this.#headers = { Authorization: `Bearer ${token}`, "Content-Type": contentType };
  }

  /**
   * Sends `messages` in one request.
   * @param path from the root
   * @param due when it was due, ms since 1970
   * @param accept how many of them an answer says were taken; throws when it is no success
   * @param took is told of that number
   */
  post(
    request: { readonly path: string; readonly body: string; readonly messages: number },
    due: number,
    accept: (response: RefinedResponse<"text">) => number,
    took: (messages: number) => void,
  ): void {
    const { book, settings } = this.#crowd;
    const { path, body, messages } = request;
    book.sent(messages);
    if (this.#inFlight >= IN_FLIGHT_MAX) {
      book.failed(messages, "too many requests without an answer");
      return;
    }
    this.#inFlight++;
    book.posted += messages;
    const params = { headers: this.#headers, responseType: "text", tags: { name: path } } as const;
    http.asyncRequest("POST", settings.url + path, body, params).then(
      (response) => {
        this.#inFlight--;
        book.posted -= messages;
        book.now = Date.now();
        const taken = acceptedOf(response, accept);
        if (typeof taken === "string") {
          book.failed(messages, taken);
          return;
        }
        took(taken);
        book.answered(due);
        book.acked(taken);
        if (taken < messages) book.failed(messages - taken, "refused lines");
      },
      (error: unknown) => {
        this.#inFlight--;
        book.posted -= messages;
        book.failed(messages, String(error));
      },
    );
  }
}

/** How many were taken, or why none. */
function acceptedOf(
  response: RefinedResponse<"text">,
  accept: (response: RefinedResponse<"text">) => number,
): number | string {
  if (response.status < 200 || response.status > 299)
    return `${String(response.status)} ${response.error} ${response.body.slice(0, 200)}`;
  return accept(response);
}
