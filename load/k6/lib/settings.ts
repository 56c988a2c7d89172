import { type Plan, planOf } from "./plan.ts";
import { isScenarioName, type ScenarioName } from "./scenarios.ts";

declare const __ENV: Readonly<Record<string, string | undefined>>;

const SETTLE_SECONDS = 20;
const CONNECT_SECONDS = 30;

/** Whom tokens are made for and with which key. */
export interface TokenSettings {
  /** The key's bytes in base64url: `k` of a JSON Web Key for HS256. */
  readonly secret: string;
  readonly keyId: string;
  readonly issuer: string;
  readonly audience: string;
  readonly tenant: string;
}

export interface Settings {
  /** `http://…` or `https://…` of a gateway, without a path. */
  readonly url: string;
  readonly socketUrl: string;
  readonly token: TokenSettings;
  readonly plan: Plan;
  /** Time without anything that comes, in ms, after which what has not come is lost. */
  readonly settleMs: number;
  /** Time that all sockets together may take to connect, in ms. */
  readonly connectMs: number;
}

/**
 * What a script is told by its environment; `docs/load.md` lists the variables.
 * @param fallback the scenario when `SCENARIO` is not set
 * @throws when one is missing or wrong
 */
export function readSettings(fallback: ScenarioName): Settings {
  const name = __ENV["SCENARIO"] ?? fallback;
  if (!isScenarioName(name)) throw new Error(`SCENARIO: there is no ${name}`);
  const url = (__ENV["TARGET_URL"] ?? "http://127.0.0.1:8080").replace(/\/+$/, "");
  return {
    url,
    socketUrl: `${url.replace(/^http/, "ws")}/v1/socket`,
    token: {
      secret: __ENV["TOKEN_SECRET"] ?? "",
      keyId: __ENV["TOKEN_KEY_ID"] ?? "load",
      issuer: __ENV["TOKEN_ISSUER"] ?? "tidegate-load",
      audience: __ENV["TOKEN_AUDIENCE"] ?? "tidegate",
      tenant: __ENV["TENANT"] ?? "load",
    },
    plan: planOf(name, {
      short: __ENV["FORM"] === "short",
      rate: numberFrom("RATE"),
      seconds: numberFrom("SECONDS"),
      warmUp: numberFrom("WARM_UP"),
      vus: numberFrom("VUS"),
    }),
    settleMs: (numberFrom("SETTLE") ?? SETTLE_SECONDS) * 1_000,
    connectMs: (numberFrom("CONNECT") ?? CONNECT_SECONDS) * 1_000,
  };
}

function numberFrom(name: string): number | undefined {
  const text = __ENV[name];
  if (text === undefined || text === "") return undefined;
  const value = Number(text);
  if (!(value >= 0)) throw new Error(`${name} takes a number, not ${text}`);
  return value;
}
