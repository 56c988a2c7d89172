import type { ConnectionOptions } from "node:tls";
import type { SASLOptions } from "kafkajs";
import type { KafkaSasl, KafkaTls } from "../../kafka/settings.ts";

export function tlsOptions(tls: KafkaTls): ConnectionOptions {
  return {
    rejectUnauthorized: tls.rejectUnauthorized,
    ...(tls.ca !== undefined && { ca: tls.ca }),
    ...(tls.cert !== undefined && { cert: tls.cert }),
    ...(tls.key !== undefined && { key: tls.key }),
    ...(tls.passphrase !== undefined && { passphrase: tls.passphrase }),
    ...(tls.serverName !== undefined && { servername: tls.serverName }),
  };
}

export function saslOptions(sasl: KafkaSasl): SASLOptions {
  if (sasl.mechanism === "OAUTHBEARER") {
    const { token } = sasl;
    return {
      mechanism: "oauthbearer",
      oauthBearerProvider: async () => ({ value: await token() }),
    };
  }
  const { username, password } = sasl;
  const mechanism = sasl.mechanism.toLowerCase() as "plain" | "scram-sha-256" | "scram-sha-512";
  return { mechanism, username, password };
}
