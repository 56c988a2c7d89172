import { describe, expect, test } from "bun:test";
import { KAFKA_SETTINGS } from "../../src/config-kafka-table.ts";
import { AppError } from "../../src/errors.ts";
import { KAFKA_FAULTS, kafkaAppError, kafkaFault } from "../../src/kafka/error.ts";

const coded = (code: string, message = "failed", more: object = {}) =>
  Object.assign(new Error(message), { code, ...more });

/** As @platformatic/kafka wraps what went wrong with one broker of several. */
function wrapped(...errors: Error[]): Error {
  const each = errors.map((cause) =>
    coded("PLT_KFK_NETWORK", "Connection to 10.0.0.1:9092 failed.", { cause }),
  );
  return coded("PLT_KFK_MULTIPLE", "metadata failed 2 times.", {
    errors: [coded("PLT_KFK_MULTIPLE", "Cannot connect to any broker.", { errors: each })],
  });
}

describe("Kafka's errors", () => {
  const cases: readonly (readonly [string, Error, keyof typeof KAFKA_FAULTS])[] = [
    ["a name", coded("ENOTFOUND", "getaddrinfo ENOTFOUND kafka"), "dns"],
    ["a resolver that is away", coded("EAI_AGAIN"), "dns"],
    ["a closed port", coded("ECONNREFUSED"), "refused"],
    ["no route", coded("EHOSTUNREACH"), "unreachable"],
    ["silence", coded("ETIMEDOUT"), "timeout"],
    ["a reset", coded("ECONNRESET"), "connection_lost"],
    ["an expired certificate", coded("CERT_HAS_EXPIRED"), "tls_expired"],
    ["a strange authority", coded("SELF_SIGNED_CERT_IN_CHAIN"), "tls_authority_unknown"],
    ["a strange name", coded("ERR_TLS_CERT_ALTNAME_INVALID"), "tls_name"],
    [
      "a refused client certificate",
      coded("EPROTO", "tlsv13 alert certificate required"),
      "tls_client_certificate",
    ],
    ["another protocol", coded("EPROTO", "SSL routines: wrong version number"), "tls_not_spoken"],
    ["a quota", coded("X", "x", { apiId: "THROTTLING_QUOTA_EXCEEDED" }), "quota"],
    ["too few replicas", coded("X", "x", { apiId: "NOT_ENOUGH_REPLICAS" }), "replicas"],
    ["a full disk of the broker's", coded("X", "x", { apiId: "KAFKA_STORAGE_ERROR" }), "storage"],
    [
      "a bad replication factor",
      coded("X", "x", { apiId: "INVALID_REPLICATION_FACTOR" }),
      "topic_invalid",
    ],
    ["a moving coordinator", coded("X", "x", { apiId: "NOT_COORDINATOR" }), "coordinator"],
    [
      "kafkajs's name of an error",
      coded("X", "x", { type: "TOPIC_AUTHORIZATION_FAILED" }),
      "topic_denied",
    ],
    [
      "kafkajs's wrong password",
      Object.assign(new Error("SASL SCRAM SHA512 authentication failed: x"), {
        name: "KafkaJSSASLAuthenticationError",
      }),
      "sasl_credentials",
    ],
    [
      "kafkajs's wrong mechanism",
      new Error("SASL GSSAPI mechanism is not supported by the server"),
      "sasl_mechanism",
    ],
    ["what nobody knows", new Error("hm"), "other"],
  ];
  test.each(cases)("%s is told apart, however deep it is", (_, error, name) => {
    expect(kafkaFault(error)).toMatchObject({ name, kind: KAFKA_FAULTS[name].kind });
    expect(kafkaFault(wrapped(error)).name).toBe(name === "other" ? "other" : name);
    expect(kafkaFault(new Error("outer", { cause: wrapped(error) })).name).toBe(name);
  });

  test("what a broker answered says more than that another one is away", () => {
    const error = wrapped(
      coded("ECONNREFUSED"),
      coded("X", "x", { apiId: "SASL_AUTHENTICATION_FAILED" }),
    );
    expect(kafkaFault(error)).toMatchObject({ kind: "authentication", name: "sasl_credentials" });
  });

  test("an error that contains itself and one that is no error are told apart too", () => {
    const loop: { message: string; cause?: unknown } = { message: "ECONNREFUSED" };
    loop.cause = loop;
    expect(kafkaFault(loop).name).toBe("refused");
    expect(kafkaFault("ECONNREFUSED").name).toBe("other");
    expect(kafkaFault(undefined).name).toBe("other");
  });

  test("certainty decides between log_unavailable and unknown_outcome", () => {
    const error = coded("ECONNRESET");
    expect(kafkaAppError(error)).toMatchObject({ code: "log_unavailable", retriable: true });
    expect(kafkaAppError(error, "maybe")).toMatchObject({ code: "unknown_outcome", cause: error });
    expect(kafkaAppError(coded("X", "x", { apiId: "MESSAGE_TOO_LARGE" })).code).toBe(
      "record_too_large",
    );
    const ours = new AppError("closed");
    expect(kafkaAppError(ours)).toBe(ours);
  });

  test("every hint names settings that there are", () => {
    const names = Object.values(KAFKA_FAULTS).flatMap(
      ({ hint }) => hint.match(/KAFKA_[A-Z_]+/g) ?? [],
    );
    expect(names.length).toBeGreaterThan(15);
    expect([...new Set(names)].filter((name) => !(name in KAFKA_SETTINGS))).toEqual([]);
  });
});
