import type { Config } from "../src/config.ts";

/**
 * Whether a page of this origin may connect and call. Browsers let any page open a WebSocket to any
 * host, with that host's cookies and from inside the user's network (cross-site WebSocket
 * hijacking), so the server has to look. Requests without Origin come from programs, which could
 * claim any.
 *
 * With a list only its origins are taken, not the gateway's own: Host is what the page's name
 * resolved to it as, so a rebound DNS name passes a same-origin check.
 *
 * @param origin the Origin header
 * @param host the Host header
 */
export function originAllowed(
  origin: string | null | undefined,
  host: string | null | undefined,
  config: Pick<Config, "allowedOrigins">,
): boolean {
  if (origin === null || origin === undefined) return true;
  const { allowedOrigins } = config;
  if (allowedOrigins !== "same") {
    return allowedOrigins.includes("*") || allowedOrigins.includes(origin);
  }
  if (host === null || host === undefined) return false;
  const page = parseOrigin(origin);
  if (page === undefined) return false;
  // Parsed under the page's own scheme, so that its default port may be there or not.
  return parseOrigin(`${page.protocol}//${host}`)?.host === page.host;
}

/** Undefined for `null` (sandboxed pages, files) and whatever else is not an http origin alone. */
function parseOrigin(text: string): URL | undefined {
  const url = URL.parse(text);
  if (url === null || !/^https?:$/.test(url.protocol)) return undefined;
  return url.origin === text.toLowerCase() || url.href === `${url.origin}/` ? url : undefined;
}
