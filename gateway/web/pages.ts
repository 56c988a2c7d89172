/** Answers a request for the page or its parts; undefined for every other address. */
export type Pages = (request: Request) => Response | undefined;

interface Part {
  readonly type: string;
  readonly bytes: Uint8Array<ArrayBuffer>;
  readonly gzip: Uint8Array<ArrayBuffer>;
  readonly etag: string;
}

const here = new URL(".", import.meta.url);

const OPS_PATH = "/ops";
const OPS_OFF = `The ops page is off. To have it, set TIDEGATE_ADMIN_KEY to a random text of 24 characters
or more and start again; it then asks for that key.
`;

/**
 * Bundles the pages once, at start. Rejected: a bundle in the repository, which would drift from its
 * source.
 * @param options.ops whether there is a key that opens the ops page
 * @throws when the page's source cannot be bundled
 */
export async function createPages({ ops } = { ops: false }): Promise<Pages> {
  const [html, base, style, icon, script] = await Promise.all([
    read("index.html"),
    read("base.css"),
    read("chat.css"),
    read("icon.svg"),
    bundle("browser/page.ts"),
  ]);
  const parts = new Map<string, Part>([
    ["/", part("text/html; charset=utf-8", html)],
    ["/assets/base.css", part("text/css; charset=utf-8", base)],
    ["/assets/chat.css", part("text/css; charset=utf-8", style)],
    ["/assets/icon.svg", part("image/svg+xml", icon)],
    ["/assets/page.js", part("text/javascript; charset=utf-8", script)],
    ...(ops ? await opsParts() : []),
  ]);
  return (request) => {
    if (request.method !== "GET" && request.method !== "HEAD") return undefined;
    const url = new URL(request.url);
    const found = parts.get(url.pathname);
    if (found === undefined && url.pathname === OPS_PATH)
      return new Response(OPS_OFF, { status: 404 });
    return found && answer(request, url, found);
  };
}

async function opsParts(): Promise<readonly (readonly [string, Part])[]> {
  const [html, style, script] = await Promise.all([
    read("ops.html"),
    read("ops.css"),
    bundle("browser/ops/ops.ts"),
  ]);
  return [
    [OPS_PATH, part("text/html; charset=utf-8", html)],
    ["/assets/ops.css", part("text/css; charset=utf-8", style)],
    ["/assets/ops.js", part("text/javascript; charset=utf-8", script)],
  ];
}

function answer(request: Request, url: URL, { type, bytes, gzip, etag }: Part): Response {
  const zipped = /\bgzip\b/.test(request.headers.get("accept-encoding") ?? "");
  const tag = `"${etag}${zipped ? "-gzip" : ""}"`;
  const headers: Record<string, string> = {
    ETag: tag,
    Vary: "Accept-Encoding",
    // Always asked for again, and hardly ever sent again: a new version shows at the next reload.
    "Cache-Control": "no-cache",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Content-Security-Policy": contentSecurityPolicy(url.host),
  };
  const known = request.headers.get("if-none-match")?.split(",") ?? [];
  if (known.some((entry) => entry.trim().replace(/^W\//, "") === tag)) {
    return new Response(null, { status: 304, headers });
  }
  headers["Content-Type"] = type;
  if (zipped) headers["Content-Encoding"] = "gzip";
  const body = zipped ? gzip : bytes;
  headers["Content-Length"] = String(body.length);
  return new Response(request.method === "HEAD" ? null : body, { headers });
}

/** Everything from this origin only; no inline script, no HTML made from text. */
function contentSecurityPolicy(host: string): string {
  return [
    "default-src 'none'",
    "script-src 'self'",
    "style-src 'self'",
    "img-src 'self'",
    // Safari before 15.4 does not count a socket of the same origin as 'self'.
    `connect-src 'self' ws://${host} wss://${host}`,
    "base-uri 'none'",
    "form-action 'none'",
    "frame-ancestors 'none'",
    "require-trusted-types-for 'script'",
    "trusted-types 'none'",
  ].join("; ");
}

function read(name: string): Promise<string> {
  return Bun.file(new URL(name, here)).text();
}

async function bundle(name: string): Promise<string> {
  const { outputs } = await Bun.build({
    entrypoints: [Bun.fileURLToPath(new URL(name, here))],
    target: "browser",
    format: "esm",
    minify: true,
  });
  const [output] = outputs;
  if (!output) throw new Error(`Cannot bundle ${name}: nothing came out`);
  return output.text();
}

function part(type: string, text: string): Part {
  const bytes = new TextEncoder().encode(text);
  const etag = new Bun.CryptoHasher("sha256").update(bytes).digest("base64url").slice(0, 22);
  return { type, bytes, gzip: Bun.gzipSync(bytes, { level: 9 }), etag };
}
