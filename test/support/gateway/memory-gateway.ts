import { createApp, type App } from "../../../gateway/app.ts";
import type { Connection } from "../../../gateway/connection.ts";
import { Gateway, type GatewayOptions } from "../../../gateway/gateway.ts";
import { createMemoryBackplane } from "../../../src/adapters/memory/backplane.ts";
import { LogFaults } from "../../../src/adapters/memory/event-log-faults.ts";
import { createMemoryEventLog } from "../../../src/adapters/memory/event-log.ts";
import { MemoryMessageStore } from "../../../src/adapters/memory/message-store.ts";
import { createMemorySharedLimits } from "../../../src/adapters/memory/shared-limits.ts";
import { createMemoryTelemetry } from "../../../src/adapters/memory/telemetry.ts";
import { createMemoryTenantCatalog } from "../../../src/adapters/memory/tenant-catalog.ts";
import { createSystemClock } from "../../../src/adapters/system/clock.ts";
import { createSystemDigest } from "../../../src/adapters/system/digest.ts";
import { createSystemRandom } from "../../../src/adapters/system/random.ts";
import { limitsWith, type Limits } from "../../../src/limits.ts";
import type { Digest } from "../../../src/ports/digest.ts";
import type { Socket } from "../../../src/ports/socket.ts";
import { ProtocolClient } from "./protocol-client.ts";

/** A socket without a network: what the gateway does with it is there to be looked at. */
export class FakeSocket implements Socket {
  readonly client: ProtocolClient;
  connection: Connection | undefined;
  paused = false;
  readonly #app: App;

  constructor(app: App) {
    this.#app = app;
    this.client = new ProtocolClient({
      send: (text) => this.connection && app.sockets.text(this.connection, text),
      end: () => this.close(1000, ""),
    });
  }

  send(text: string): number {
    this.client.heard(text);
    return text.length;
  }

  close(code: number, reason: string): void {
    this.client.ended({ code, reason });
    if (this.connection !== undefined) this.#app.sockets.closed(this.connection);
  }

  pause(): void {
    this.paused = true;
  }

  resume(): void {
    this.paused = false;
  }
}

/** A gateway alone, on memory adapters whose faults can be chosen; every token is a user's name. */
export async function startMemoryGateway(
  limits: Partial<Limits> = {},
  digest: Digest = createSystemDigest(),
  failover: Pick<GatewayOptions, "outbox" | "eventStore"> = {},
) {
  const clock = createSystemClock();
  const random = createSystemRandom();
  const faults = new LogFaults();
  const telemetry = createMemoryTelemetry();
  const log = createMemoryEventLog({ clock, random, faults });
  const catalog = await createMemoryTenantCatalog({
    log,
    partitions: 1,
    retentionMs: 3_600_000,
    retentionBytes: undefined,
  });
  const gateway = new Gateway({
    log,
    store: new MemoryMessageStore(),
    backplane: createMemoryBackplane(),
    catalog,
    sharedLimits: createMemorySharedLimits(),
    authenticator: {
      authenticate: (user) =>
        Promise.resolve({
          tenant: "acme",
          user,
          capabilities: { "*": ["send", "history"] },
          expiresAt: undefined,
        }),
    },
    clock,
    random,
    digest,
    limits: limitsWith(limits),
    telemetry,
    name: "gateway/test",
    ...failover,
  });
  const app = createApp({
    gateway,
    originAllowed: () => true,
    problem: (error) => new Response(error.code),
    routes: [],
  });
  const open = (): FakeSocket => {
    const socket = new FakeSocket(app);
    socket.connection = app.sockets.open(socket);
    return socket;
  };
  return {
    gateway,
    log,
    catalog,
    faults,
    telemetry,
    /** A socket that has not sent `connect`. */
    open,
    /** A connected client. */
    async connect(user: string): Promise<FakeSocket> {
      const socket = open();
      await socket.client.ask("connect", { token: user });
      return socket;
    },
    async [Symbol.asyncDispose](): Promise<void> {
      await gateway.drain();
      await log.close();
    },
  };
}
