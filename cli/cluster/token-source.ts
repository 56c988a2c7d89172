import { z } from "zod";

export interface TokenSourceOptions {
  readonly endpoint: string;
  readonly clientId: string;
  readonly clientSecret: string;
  readonly scope: string | undefined;
  readonly timeoutMs: number;
}

const replySchema = z.object({
  access_token: z.string().min(1),
  expires_in: z.number().optional(),
});

/** A token is used again until this part of its life is over. */
const USED_PART = 0.8;

/**
 * Fetches tokens with a client's credentials (RFC 6749, 4.4) and keeps one while it is good.
 * @throws Error that names the setting, without secrets
 */
export function createTokenSource(options: TokenSourceOptions): () => Promise<string> {
  const { endpoint, clientId, clientSecret, scope, timeoutMs } = options;
  let kept: { readonly token: string; readonly until: number } | undefined;

  async function fetchToken(): Promise<string> {
    const credentials = `${encodeURIComponent(clientId)}:${encodeURIComponent(clientSecret)}`;
    const body = new URLSearchParams({ grant_type: "client_credentials" });
    if (scope !== undefined) body.set("scope", scope);
    const response = await fetch(endpoint, {
      method: "POST",
      headers: {
        Authorization: `Basic ${Buffer.from(credentials).toString("base64")}`,
        Accept: "application/json",
      },
      body,
      signal: AbortSignal.timeout(timeoutMs),
    });
    if (!response.ok)
      throw new Error(
        `SASL authentication failed: KAFKA_SASL_TOKEN_ENDPOINT answered ${response.status}`,
      );
    const reply = replySchema.safeParse(await response.json());
    if (!reply.success)
      throw new Error("SASL authentication failed: KAFKA_SASL_TOKEN_ENDPOINT gave no access_token");
    const { access_token: token, expires_in: seconds } = reply.data;
    kept = { token, until: performance.now() + (seconds ?? 0) * 1_000 * USED_PART };
    return token;
  }

  return () =>
    kept !== undefined && performance.now() < kept.until
      ? Promise.resolve(kept.token)
      : fetchToken();
}
