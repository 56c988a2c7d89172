import type { Base, Connection } from "@platformatic/kafka";

/**
 * The library's own client, for what our adapters never do. A connection of it that fails twice
 * throws in the middle of nowhere otherwise: its pool listens for the first failure only.
 */
export function heedless<Client extends Base>(client: Client): Client {
  const silence = ({ connection }: { readonly connection?: Connection }): void => {
    connection?.on("error", () => {});
  };
  client.on("client:broker:connect", silence);
  client.on("client:broker:failed", silence);
  client.on("client:broker:sasl:handshake", silence);
  return client;
}
