import type { ProtocolClient } from "../../support/gateway/protocol-client.ts";
import { trust, type Grant } from "../../support/gateway/trust.ts";
import { openWebSocket } from "../../support/gateway/web-socket.ts";

/** A running Tidegate as its clients see it: the scenario knows nothing else of it. */
export interface Place {
  /** Ports of its gateways on this machine, at least one. A client may use any of them. */
  readonly ports: readonly number[];
  /** Two tenants that it serves. */
  readonly tenants: readonly [string, string];
  /** What a receipt rests on while nothing is away. */
  readonly durability: "disk" | "log";
}

/** A connected client of the gateway with this number, counted round. */
export async function join(place: Place, gateway: number, grant: Grant): Promise<ProtocolClient> {
  const client = await openWebSocket(portOf(place, gateway));
  const tenant = grant.tenant ?? place.tenants[0];
  await client.ask("connect", { token: await trust.token({ ...grant, tenant }) });
  return client;
}

export function portOf(place: Place, gateway: number): number {
  return place.ports[gateway % place.ports.length] as number;
}

/** One HTTP request of a user of the first tenant. */
export async function request(
  place: Place,
  gateway: number,
  user: string,
  path: string,
  init: { method?: string; body?: string; headers?: Record<string, string> } = {},
): Promise<Response> {
  const token = await trust.token({ user, tenant: place.tenants[0] });
  return fetch(`http://127.0.0.1:${portOf(place, gateway)}${path}`, {
    ...init,
    headers: {
      Authorization: `Bearer ${token}`,
      "Content-Type": "application/json",
      ...init.headers,
    },
  });
}
