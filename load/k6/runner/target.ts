import type { Arguments } from "../../arguments.ts";
import { Cluster } from "../../cluster/cluster.ts";
import { clusterUsage } from "../../cluster/usage.ts";
import { cpuTimes } from "../../process-usage.ts";
import { ServerProcess } from "../../server.ts";
import { type RunKey, TENANT } from "../../token.ts";
import { checkElsewhere } from "./elsewhere.ts";

/** The system under load. */
export interface Target extends AsyncDisposable {
  /** Such as `standalone`, for the summary. */
  readonly name: string;
  /** What scripts are told of it. */
  readonly environment: Readonly<Record<string, string>>;
  /** CPU seconds by kind of process; empty for a system elsewhere. */
  cpuSeconds(): Record<string, number>;
}

const PARTITIONS = 4;

/**
 * Starts what the arguments ask for: standalone, `--cluster`, or nothing for `--url`.
 * @throws when `--url` lacks what tokens are made of, or no run can be made there
 */
export async function openTarget(args: Arguments, say: (line: string) => void): Promise<Target> {
  if (args.text("url") !== undefined) return elsewhere(args);
  if (args.has("cluster")) return cluster(say);
  say("starting the standalone server …");
  const server = await ServerProcess.start();
  return {
    name: "standalone",
    environment: { TARGET_URL: server.url, ...tokenEnvironment(server.key) },
    cpuSeconds: () => ({ server: cpuTimes(server.pid).total }),
    [Symbol.asyncDispose]: () => server[Symbol.asyncDispose](),
  };
}

async function cluster(say: (line: string) => void): Promise<Target> {
  const one = { gateways: 1, consumers: 1, brokers: 1, partitions: PARTITIONS } as const;
  const started = await Cluster.start({ ...one, log: say });
  const address = started.address(() => 0);
  if (address === undefined) throw new Error("no gateway is up");
  const url = `http://${address.hostname}:${address.port}`;
  return {
    name: "cluster",
    environment: { TARGET_URL: url, ...tokenEnvironment(started.key) },
    cpuSeconds: () => {
      const { generator: _, ...others } = Object.fromEntries(clusterUsage().seconds);
      return others;
    },
    [Symbol.asyncDispose]: () => started[Symbol.asyncDispose](),
  };
}

async function elsewhere(args: Arguments): Promise<Target> {
  const url = args.text("url") ?? "";
  const secret = args.text("token-secret") ?? process.env["TOKEN_SECRET"];
  if (secret === undefined || secret === "") {
    throw new Error(
      "--url needs the key that its gateway checks tokens with: --token-secret=<k of the HS256 key, " +
        "base64url>, or TOKEN_SECRET in the environment",
    );
  }
  const environment: Record<string, string> = { TARGET_URL: url, TOKEN_SECRET: secret };
  for (const [option, variable] of [
    ["token-key-id", "TOKEN_KEY_ID"],
    ["token-issuer", "TOKEN_ISSUER"],
    ["token-audience", "TOKEN_AUDIENCE"],
    ["tenant", "TENANT"],
  ] as const) {
    const value = args.text(option) ?? process.env[variable];
    if (value !== undefined) environment[variable] = value;
  }
  const fault = await checkElsewhere(environment);
  if (fault !== undefined) throw new Error(fault);
  return {
    name: url,
    environment,
    cpuSeconds: () => ({}),
    [Symbol.asyncDispose]: () => Promise.resolve(),
  };
}

function tokenEnvironment(key: RunKey): Record<string, string> {
  const { TIDEGATE_JWT_KEYS, TIDEGATE_JWT_ISSUER, TIDEGATE_JWT_AUDIENCE } = key.settings;
  const set = JSON.parse(TIDEGATE_JWT_KEYS ?? "") as { keys: { k: string; kid: string }[] };
  return {
    TOKEN_SECRET: set.keys[0]?.k ?? "",
    TOKEN_KEY_ID: set.keys[0]?.kid ?? "",
    TOKEN_ISSUER: TIDEGATE_JWT_ISSUER ?? "",
    TOKEN_AUDIENCE: TIDEGATE_JWT_AUDIENCE ?? "",
    TENANT,
  };
}
