import type { ConnectionOptions } from "node:tls";
import type { Mechanism, SASLOptions } from "kafkajs";
import Encoder from "kafkajs/src/protocol/encoder.js";
import type { KafkaSasl, KafkaTls } from "../../kafka/settings.ts";
import { decoderOf } from "./protocol.ts";

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

export function saslOptions(sasl: KafkaSasl): SASLOptions | Mechanism {
  if (sasl.mechanism === "OAUTHBEARER") return bearerMechanism(sasl.token);
  const { username, password } = sasl;
  return { mechanism: sasl.mechanism.toLowerCase(), username, password } as SASLOptions;
}

/**
 * RFC 7628. Not the library's own: a broker refuses a token in the text of an answer without an
 * error code, which the library takes for a success. The broker then answers every request with
 * nothing, as if there were no topics.
 */
function bearerMechanism(token: () => string | Promise<string>): Mechanism {
  return {
    mechanism: "oauthbearer",
    authenticationProvider: ({ saslAuthenticate }) => ({
      async authenticate() {
        const message = Buffer.from(`n,,\u0001auth=Bearer ${await token()}\u0001\u0001`);
        const refusal = await saslAuthenticate({
          request: { encode: () => new Encoder().writeBytes(message).buffer },
          response: {
            decode: (bytes) => decoderOf(bytes).readBytes() ?? Buffer.alloc(0),
            parse: (text: Buffer) => text.toString(),
          },
        });
        if (refusal) throw new Error(`SASL OAUTHBEARER authentication failed: ${refusal}`);
      },
    }),
  };
}
