import { describe, expect, test } from "bun:test";
import { ConfigError } from "../../src/config-read.ts";
import { SETTINGS } from "../../src/config-table.ts";
import { parseConfig, redacted } from "../../src/config.ts";
import { limitsWith } from "../../src/limits.ts";

const SECRET = "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0LXNlY3JldA";
const keySet = (kid = "k1"): string =>
  JSON.stringify({ keys: [{ kty: "oct", alg: "HS256", kid, k: SECRET }] });
const jwt = {
  TIDEGATE_JWT_KEYS: keySet(),
  TIDEGATE_JWT_ISSUER: "https://login.example",
  TIDEGATE_JWT_AUDIENCE: "tidegate",
};

function faultsOf(env: Record<string, string>): Record<string, string> {
  try {
    parseConfig(env);
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error;
    return Object.fromEntries(error.faults.map(({ name, fault }) => [name, fault]));
  }
  return {};
}

describe("parseConfig", () => {
  test("an empty environment gives the documented defaults", () => {
    expect(parseConfig({})).toEqual({
      port: 8080,
      host: "127.0.0.1",
      production: false,
      logLevel: "info",
      dataDir: "./data",
      partitions: 2,
      retentionMs: 30 * 86_400_000,
      retentionBytes: undefined,
      allowedOrigins: "same",
      jwt: { keys: { kind: "development" }, issuer: "tidegate-dev", audience: "tidegate" },
      adminKey: undefined,
      trace: undefined,
      traceUrl: undefined,
      limits: limitsWith(),
    });
  });

  test("every setting is read", () => {
    const config = parseConfig({
      ...jwt,
      PORT: "0",
      HOST: "::",
      NODE_ENV: "production",
      LOG_LEVEL: "warn",
      TIDEGATE_DATA: "/srv/tidegate",
      TIDEGATE_PARTITIONS: "32",
      TIDEGATE_RETENTION_DAYS: "7",
      TIDEGATE_RETENTION_BYTES: "1073741824",
      TIDEGATE_ALLOWED_ORIGINS: "https://chat.example, http://localhost:3000",
      TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION: "10",
      TIDEGATE_SENDS_BURST_PER_CONNECTION: "15",
      TIDEGATE_SENDS_PER_SECOND_PER_TENANT: "100",
      TIDEGATE_DRAIN_MS: "5000",
    });
    expect(config).toEqual({
      port: 0,
      host: "::",
      production: true,
      logLevel: "warn",
      dataDir: "/srv/tidegate",
      partitions: 32,
      retentionMs: 7 * 86_400_000,
      retentionBytes: 1_073_741_824,
      allowedOrigins: ["https://chat.example", "http://localhost:3000"],
      jwt: {
        keys: { kind: "inline", text: keySet() },
        issuer: "https://login.example",
        audience: "tidegate",
      },
      trace: undefined,
      traceUrl: undefined,
      adminKey: undefined,
      limits: limitsWith({
        sendsPerSecondPerConnection: 10,
        sendsBurstPerConnection: 15,
        sendsPerSecondPerTenant: 100,
        sendsBurstPerTenant: 200,
        drainDeadlineMs: 5_000,
      }),
    });
  });

  test("an empty variable counts as absent", () => {
    expect(parseConfig({ PORT: "", TIDEGATE_JWT_KEYS: "" })).toEqual(parseConfig({}));
  });

  test("all faults are told at once, each with the value and what is allowed", () => {
    expect(
      faultsOf({
        PORT: "70000",
        HOST: "not a host",
        NODE_ENV: "prod",
        LOG_LEVEL: "loud",
        TIDEGATE_PARTITIONS: "-1",
        TIDEGATE_ALLOWED_ORIGINS: "https://chat.example/path",
      }),
    ).toEqual({
      PORT: '"70000" is out of range; allowed: whole number, 0 to 65535',
      HOST: '"not a host" is not an address; allowed: IP address or host name',
      NODE_ENV: '"prod" is not one of them; allowed: development | test | production',
      LOG_LEVEL: '"loud" is not one of them; allowed: info | warn | error',
      TIDEGATE_PARTITIONS: '"-1" is not a whole number; allowed: whole number, 1 to 1024',
      TIDEGATE_ALLOWED_ORIGINS:
        '"https://chat.example/path" has "https://chat.example/path", which is no origin as in https://chat.example.com; allowed: origins with commas between, or *',
    });
  });

  test("an unknown TIDEGATE_ variable is a fault that names the nearest setting", () => {
    expect(faultsOf({ TIDEGATE_PARTITONS: "8", TIDEGATE_XYZZY_PLUGH: "1", OTHER: "x" })).toEqual({
      TIDEGATE_PARTITONS: "is not a setting; did you mean TIDEGATE_PARTITIONS?",
      TIDEGATE_XYZZY_PLUGH: "is not a setting",
    });
  });

  test("a setting that has no prefix is named to whoever gave it one", () => {
    expect(faultsOf({ TIDEGATE_PORT: "80", TIDEGATE_KAFKA_BROKERS: "b:9092" })).toEqual({
      TIDEGATE_PORT: "is not a setting; did you mean PORT?",
      TIDEGATE_KAFKA_BROKERS: "is not a setting; did you mean KAFKA_BROKERS?",
    });
  });

  test("a name that every object has is not taken for a setting", () => {
    expect(parseConfig({ toString: "x", __proto__: "y" }).port).toBe(8080);
  });
});

describe("rules between settings", () => {
  test("production refuses the development key", () => {
    expect(Object.keys(faultsOf({ NODE_ENV: "production" }))).toEqual(["TIDEGATE_JWT_KEYS"]);
    expect(faultsOf({ ...jwt, NODE_ENV: "production" })).toEqual({});
  });

  test("production refuses a key set that holds a development key", () => {
    const env = { ...jwt, TIDEGATE_JWT_KEYS: keySet("dev-4f2a") };
    expect(faultsOf(env)).toEqual({});
    expect(faultsOf({ ...env, NODE_ENV: "production" })["TIDEGATE_JWT_KEYS"]).toContain(
      "development key",
    );
  });

  test("keys come with issuer and audience, or none of the three is set", () => {
    expect(Object.keys(faultsOf({ TIDEGATE_JWT_KEYS: "keys.json" }))).toEqual([
      "TIDEGATE_JWT_ISSUER",
      "TIDEGATE_JWT_AUDIENCE",
    ]);
    expect(Object.keys(faultsOf({ TIDEGATE_JWT_ISSUER: "x" }))).toEqual(["TIDEGATE_JWT_ISSUER"]);
  });

  test("a connection may not send more than its tenant, nor a burst be below its rate", () => {
    expect(
      Object.keys(
        faultsOf({
          TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION: "500",
          TIDEGATE_SENDS_BURST_PER_CONNECTION: "499",
          TIDEGATE_SENDS_PER_SECOND_PER_TENANT: "400",
        }),
      ),
    ).toEqual(["TIDEGATE_SENDS_BURST_PER_CONNECTION", "TIDEGATE_SENDS_PER_SECOND_PER_TENANT"]);
  });

  test("any origin stands alone", () => {
    expect(parseConfig({ TIDEGATE_ALLOWED_ORIGINS: "*" }).allowedOrigins).toEqual(["*"]);
    expect(Object.keys(faultsOf({ TIDEGATE_ALLOWED_ORIGINS: "*,https://a.example" }))).toEqual([
      "TIDEGATE_ALLOWED_ORIGINS",
    ]);
  });
});

describe("secrets", () => {
  test("a faulty key set is described without its secret", () => {
    const keys = JSON.stringify({ keys: [{ kty: "oct", kid: "a", k: SECRET }] });
    const fault = faultsOf({ ...jwt, TIDEGATE_JWT_KEYS: keys })["TIDEGATE_JWT_KEYS"];
    expect(fault).toBe(
      "as a key set: keys.0.alg: is missing or not one of HS256, RS256, ES256, EdDSA",
    );
  });

  test("the redacted configuration says where keys come from, not what they are", () => {
    const shown = redacted(parseConfig(jwt));
    expect(JSON.stringify(shown)).not.toContain(SECRET);
    expect(shown["jwt"]).toEqual({
      keys: "inline",
      issuer: "https://login.example",
      audience: "tidegate",
    });
  });
});

test("every documented default is one that the setting accepts", () => {
  const settings = Object.entries(SETTINGS);
  const env = Object.fromEntries(settings.map(([name, setting]) => [name, setting.default]));
  expect(parseConfig(env)).toEqual(parseConfig({}));
});

describe("the admin key", () => {
  test("is absent unless it is set, and is never shown", () => {
    expect(parseConfig({}).adminKey).toBeUndefined();
    const key = "k".repeat(24);
    const config = parseConfig({ TIDEGATE_ADMIN_KEY: key });
    expect(config.adminKey).toBe(key);
    expect(JSON.stringify(redacted(config))).not.toContain(key);
  });

  test("that could be guessed is refused without being shown", () => {
    const read = () => parseConfig({ TIDEGATE_ADMIN_KEY: "hunter2" });
    expect(read).toThrow("TIDEGATE_ADMIN_KEY is not 24 to 200");
    expect(read).not.toThrow("hunter2");
  });
});
