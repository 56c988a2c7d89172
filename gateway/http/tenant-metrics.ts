import type { TenantTally } from "../tenant-tally.ts";

/** One tenant's numbers on this gateway. */
export interface TenantNumbers extends TenantTally {
  /** Sockets that have authenticated. */
  readonly connections: number;
}

export interface TenantMetricsOptions {
  readonly numbers: () => readonly TenantNumbers[];
  /** The text exposition of the busiest of them. */
  readonly render: (
    numbers: readonly TenantNumbers[],
  ) => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Undefined where there is no admin key: then nobody is told. */
  readonly isAdmin: ((key: string) => boolean) | undefined;
}

const PATH = "/metrics/tenants";
const BEARER = /^Bearer +(\S+)$/i;

/**
 * Numbers by tenant, on a path of their own: they would be too many series among the others, and who
 * a gateway's tenants are is nobody's business but the operator's.
 *
 * @returns undefined for every other address
 */
export function createTenantMetrics(
  options: TenantMetricsOptions,
): (request: Request) => Promise<Response> | undefined {
  return (request) =>
    new URL(request.url).pathname === PATH ? answer(options, request) : undefined;
}

async function answer(
  { numbers, render, isAdmin }: TenantMetricsOptions,
  request: Request,
): Promise<Response> {
  if (isAdmin === undefined) return text(404, "set TIDEGATE_ADMIN_KEY to have this");
  const key = BEARER.exec(request.headers.get("authorization") ?? "")?.[1];
  if (key === undefined || !isAdmin(key))
    return text(401, "the admin key is needed", { "WWW-Authenticate": "Bearer" });
  if (request.method !== "GET") return text(405, "only GET", { Allow: "GET" });
  const exposition = await render(numbers());
  return new Response(exposition.text, {
    headers: { "Content-Type": exposition.contentType, "Cache-Control": "no-store" },
  });
}

function text(status: number, message: string, headers: Record<string, string> = {}): Response {
  return new Response(`${message}\n`, { status, headers });
}
