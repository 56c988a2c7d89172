import { AppError } from "../../src/errors.ts";
import type { Authenticator, Identity } from "../../src/ports/authenticator.ts";

const BEARER = /^Bearer +([^\s]+)$/i;

/**
 * Who sends a request, by its bearer token (RFC 6750, 2.1). Tokens in addresses or bodies are not
 * read: those end up in logs and histories.
 *
 * @throws AppError `unauthenticated`, `token_expired`
 */
export async function bearerIdentity(
  authenticator: Authenticator,
  authorization: string | undefined,
): Promise<Identity> {
  const token = BEARER.exec(authorization ?? "")?.[1];
  if (token === undefined) {
    throw new AppError("unauthenticated", "There is no Authorization: Bearer <token>");
  }
  return authenticator.authenticate(token);
}
