import { createClient, type Client, type ClientOptions } from "../../../src/client/tidegate.ts";

/** A client of the SDK with the gateway's demo tokens. */
export function demoClient(
  url: string,
  user: string,
  options: Partial<ClientOptions> = {},
): Client {
  return createClient({
    url: `${url.replace("http", "ws")}/v1/socket`,
    token: async () => {
      const response = await fetch(`${url}/dev/token`, {
        method: "POST",
        headers: { "Content-Type": "application/json" },
        body: JSON.stringify({ user }),
      });
      return ((await response.json()) as { token: string }).token;
    },
    ...options,
  });
}
