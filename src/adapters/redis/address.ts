export interface HostPort {
  readonly host: string;
  readonly port: number;
}

/** Where Redis is and how to log in, as `REDIS_URL` says it. */
export interface RedisAddress {
  readonly mode: "single" | "sentinel" | "cluster";
  /** The server, the sentinels, or some nodes of the cluster. */
  readonly hosts: readonly HostPort[];
  /** Sentinel's name of the master. */
  readonly master: string | undefined;
  readonly username: string | undefined;
  readonly password: string | undefined;
  readonly sentinelUsername: string | undefined;
  readonly sentinelPassword: string | undefined;
  readonly db: number;
  readonly tls: boolean;
}

const FORM =
  "redis://[user:password@]host[:port][/db], redis+sentinel://host[:port],…/master[/db] or redis+cluster://host[:port],… (rediss… for TLS)";
const PATTERN =
  /^(rediss?)(?:\+(sentinel|cluster))?:\/\/(?:([^:@/?]*)(?::([^@/?]*))?@)?([^/?@]+)(?:\/([^?]*))?(?:\?(.*))?$/;

/**
 * Reads `REDIS_URL`. Users and passwords are percent-encoded. Sentinels that ask for a login of their
 * own get `?sentinel_username=…&sentinel_password=…`.
 * @throws RangeError that says what is wrong, never the password
 */
export function parseRedisUrl(url: string): RedisAddress {
  const match = PATTERN.exec(url.trim());
  if (match === null) throw new RangeError(`is not of the form ${FORM}`);
  const [, scheme, kind, username, password, hostList, path = "", query = ""] = match;
  const mode = kind === undefined ? "single" : (kind as "sentinel" | "cluster");
  const hosts = (hostList as string).split(",").map((host) => parseHost(host, mode));
  if (mode === "single" && hosts.length > 1)
    throw new RangeError("has several hosts, which only redis+sentinel and redis+cluster take");
  const parts = path.split("/").filter((part) => part !== "");
  const master = mode === "sentinel" ? parts.shift() : undefined;
  if (mode === "sentinel" && master === undefined)
    throw new RangeError("has no master's name behind the sentinels");
  const [database = "0", ...rest] = parts;
  if (!/^[0-9]{1,5}$/.test(database) || rest.length > 0)
    throw new RangeError("has a path that is no number of a database");
  if (mode === "cluster" && Number(database) !== 0)
    throw new RangeError("has a number of a database, which a cluster does not take");
  const parameters = new URLSearchParams(query);
  return {
    mode,
    hosts,
    master: master === undefined ? undefined : decode(master),
    username: present(username),
    password: present(password),
    sentinelUsername: parameters.get("sentinel_username") ?? undefined,
    sentinelPassword: parameters.get("sentinel_password") ?? undefined,
    db: Number(database),
    tls: scheme === "rediss",
  };
}

const PORTS = { single: 6379, sentinel: 26379, cluster: 6379 } as const;

function parseHost(text: string, mode: RedisAddress["mode"]): HostPort {
  const match = /^(?:\[([0-9a-fA-F:.]+)\]|([^:[\]\s]+))(?::([0-9]{1,5}))?$/.exec(text);
  const port = Number(match?.[3] ?? PORTS[mode]);
  const host = match?.[1] ?? match?.[2];
  if (host === undefined || port < 1 || port > 65_535)
    throw new RangeError("has a host that is none");
  return { host, port };
}

function present(text: string | undefined): string | undefined {
  return text === undefined || text === "" ? undefined : decode(text);
}

function decode(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    throw new RangeError("has a part that is not percent-encoded");
  }
}
