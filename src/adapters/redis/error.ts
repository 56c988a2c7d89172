import { AppError } from "../../errors.ts";

/** Signs in an error's code or message → what is wrong and where to look. The first that fits counts. */
const SIGNS: readonly (readonly [RegExp, string])[] = [
  [
    /WRONGPASS|invalid username-password|NOAUTH|ERR AUTH|without any password/i,
    "Redis does not accept the user or password in REDIS_URL",
  ],
  [
    /NOPERM/i,
    "the Redis user in REDIS_URL lacks a permission (commands +@pubsub +hello +eval, channels and keys of the prefix)",
  ],
  [/READONLY/i, "REDIS_URL leads to a read-only replica"],
  [/ENOTFOUND|EAI_AGAIN|getaddrinfo|DNS/i, "the host in REDIS_URL has no address"],
  [/ECONNREFUSED|Failed to connect/i, "nothing listens at the host and port in REDIS_URL"],
  [
    /certificate|self.signed|UNABLE_TO|ERR_TLS|SSL|wrong version number|packet length too long/i,
    "TLS with Redis failed: REDIS_URL begins with rediss for TLS and with redis without; check the CA as well",
  ],
  [
    /All sentinels are unreachable/i,
    "none of the sentinels in REDIS_URL knows the master by that name or can be reached",
  ],
  [/ETIMEDOUT|timed? ?out/i, "Redis at REDIS_URL does not answer"],
  [/MAXCLIENTS|max number of clients/i, "Redis takes no more clients (its setting maxclients)"],
  [/LOADING/i, "Redis is loading its data"],
  [/CLUSTERDOWN/i, "the Redis Cluster is down"],
];

/** What went wrong with Redis, in a sentence that names the setting to look at. */
export function redisError(cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const text = textOf(cause);
  const sign = SIGNS.find(([pattern]) => pattern.test(text));
  const message = sign?.[1] ?? "Redis at REDIS_URL cannot be used";
  return new AppError("backplane_unavailable", `${message} (${firstLine(text)})`, { cause });
}

/** A server that answers, but is not one that can be used. */
export function unsuitable(message: string): AppError {
  return new AppError("backplane_unsuitable", message);
}

/** Everything that an error and its causes say; a failed lookup hides in an inner one. */
function textOf(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const { code, lastNodeError, cause } = error as Error & Record<string, unknown>;
  const parts = [error.message, code, lastNodeError, cause].filter((part) => part !== undefined);
  const inner: unknown[] = error instanceof AggregateError ? error.errors : [];
  return [...parts, ...inner]
    .map((part) => (part instanceof Error ? textOf(part) : String(part)))
    .join(" ");
}

const TEXT_MAX = 200;

function firstLine(text: string): string {
  return (text.split("\n", 1)[0] as string).slice(0, TEXT_MAX);
}
