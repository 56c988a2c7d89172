import { z } from "zod";
import { TRACE_SETTINGS } from "./config-trace-table.ts";
import { LIMIT_TABLE, type LimitName } from "./limits.ts";
import {
  oneOf,
  printable,
  secret,
  setting,
  text,
  whole,
  wholeSetting,
  type Setting,
  type SettingTable,
  type ValuesOf,
} from "./setting.ts";

const DAY_MS = 86_400_000;
const MiB = 1024 * 1024;

/** Too long to be guessed at any rate, when it is random. */
const ADMIN_KEY_CHARS_MIN = 24;
const RATE_MAX = 10_000_000;
const rateSetting = (limit: LimitName): Setting<number> =>
  wholeSetting(
    1,
    RATE_MAX,
    String(LIMIT_TABLE[limit].value),
    `${LIMIT_TABLE[limit].doc}, a second`,
  );
const burstSetting = (limit: LimitName): Setting<number> =>
  wholeSetting(1, RATE_MAX, undefined, `${LIMIT_TABLE[limit].doc}; twice the rate when absent`);

const originList = z
  .string()
  .transform((list) => list.split(",").map((origin) => origin.trim()))
  .superRefine((origins, context) => {
    for (const origin of origins) {
      if (origin === "*" || isOrigin(origin)) continue;
      context.addIssue({
        code: "custom",
        message: `has ${JSON.stringify(origin)}, which is no origin as in https://chat.example.com`,
      });
    }
  });

/** An origin exactly as browsers send it (RFC 6454, 6.1): no path, no default port, lower case. */
function isOrigin(origin: string): boolean {
  return /^https?:/.test(origin) && URL.canParse(origin) && new URL(origin).origin === origin;
}

/** What every program reads, standalone or in a cluster, as far as it concerns it. */
export const SETTINGS = {
  PORT: wholeSetting(0, 65_535, "8080", "Port for HTTP and WebSocket; 0 takes a free one"),
  HOST: setting(
    "IP address or host name",
    "127.0.0.1",
    "Address to listen on. The default is reachable from this machine only, since whoever reaches a gateway with a development key can make tokens; set 0.0.0.0 in a container or behind a proxy",
    text("is not an address", /^[A-Za-z0-9.:_-]{1,253}$/),
  ),
  NODE_ENV: oneOf(
    ["development", "test", "production"],
    "development",
    "In production there is no development key: TIDEGATE_JWT_KEYS must be set",
  ),
  LOG_LEVEL: oneOf(["info", "warn", "error"], "info", "Lines below this level are not written"),
  TIDEGATE_DATA: setting(
    "path of a folder",
    "./data",
    "Where the log, the store and the development key are kept; made if it is not there",
    text("is not a path", /^[^\0]{1,4096}$/),
  ),
  TIDEGATE_PARTITIONS: wholeSetting(
    1,
    1_024,
    "2",
    "Partitions of a new tenant's topic in standalone mode, fixed from then on; in a cluster its plan says how many. One process gains nothing from more: each adds batches, commits and a duplicate window",
  ),
  TIDEGATE_RETENTION_DAYS: setting(
    "whole number, 1 to 36500",
    "30",
    "Days that the log keeps records, and Postgres what it has stored of them: the topics of tenants that are there keep the days they were made with",
    whole(1, 36_500).transform((days) => days * DAY_MS) as z.ZodType<number, string>,
  ),
  TIDEGATE_RETENTION_BYTES: wholeSetting(
    MiB,
    999_999_999_999_999,
    undefined,
    "Bytes that the log keeps of each partition; no bound when absent",
  ),
  TIDEGATE_ALLOWED_ORIGINS: setting(
    "origins with commas between, or *",
    undefined,
    "Origins whose pages may connect and call. When absent: pages of the gateway's own origin, judged by the Host header. Requests without Origin do not come from pages and are always taken",
    originList,
  ),
  TIDEGATE_JWT_KEYS: secret(
    setting(
      "path of a file, or JSON",
      undefined,
      "JSON Web Key Set (RFC 7517) that tokens are checked with; every key has kid and alg (HS256, RS256, ES256 or EdDSA). When absent, a development key is made in the data folder; by a gateway of a cluster only when NODE_ENV=development and TIDEGATE_DATA are both set",
      z.string(),
    ),
  ),
  TIDEGATE_JWT_ISSUER: printable("The iss that tokens must have; needed with TIDEGATE_JWT_KEYS"),
  TIDEGATE_JWT_AUDIENCE: printable("The aud that tokens must have; needed with TIDEGATE_JWT_KEYS"),
  TIDEGATE_ADMIN_KEY: secret(
    setting(
      `text, ${ADMIN_KEY_CHARS_MIN} to 200 printable characters without blanks`,
      undefined,
      "Opens the ops page at /ops and the admin API under /v1/admin; both are off when absent, but for standalone with a development key, which makes one and prints a link",
      text(
        `is not ${ADMIN_KEY_CHARS_MIN} to 200 printable characters without blanks`,
        new RegExp(`^[!-~]{${ADMIN_KEY_CHARS_MIN},200}$`),
      ),
    ),
  ),
  TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION: rateSetting("sendsPerSecondPerConnection"),
  TIDEGATE_SENDS_BURST_PER_CONNECTION: burstSetting("sendsBurstPerConnection"),
  TIDEGATE_SENDS_PER_SECOND_PER_TENANT: rateSetting("sendsPerSecondPerTenant"),
  TIDEGATE_SENDS_BURST_PER_TENANT: burstSetting("sendsBurstPerTenant"),
  TIDEGATE_DRAIN_MS: wholeSetting(
    100,
    600_000,
    String(LIMIT_TABLE.drainDeadlineMs.value),
    `${LIMIT_TABLE.drainDeadlineMs.doc}, in ms`,
  ),
  ...TRACE_SETTINGS,
} as const satisfies SettingTable;

export type SettingName = keyof typeof SETTINGS;

export type SettingValues = ValuesOf<typeof SETTINGS>;
