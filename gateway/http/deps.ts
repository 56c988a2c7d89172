import type { Config } from "../../src/config.ts";
import type { Health } from "../../src/health.ts";
import type { Limits } from "../../src/limits.ts";
import type { CapabilityMap } from "../../src/policy/capability.ts";
import type { Authenticator } from "../../src/ports/authenticator.ts";
import type { Clock } from "../../src/ports/clock.ts";
import type { Random } from "../../src/ports/random.ts";
import type { Telemetry } from "../../src/ports/telemetry.ts";
import type { IngestService } from "../ingest/ingest.ts";
import type { MessageService } from "../message-service.ts";

/** Makes a token of the development key. */
export type MintToken = (grant: {
  readonly tenant: string;
  readonly user: string;
  readonly capabilities: CapabilityMap;
  readonly lifetimeMs: number;
}) => Promise<string>;

/** What the HTTP side stands on. */
export interface HttpDeps {
  readonly authenticator: Authenticator;
  readonly messages: MessageService;
  readonly ingest: IngestService;
  readonly health: Health;
  readonly clock: Pick<Clock, "monotonic">;
  readonly random: Pick<Random, "uuidv7">;
  readonly telemetry: Telemetry;
  readonly limits: Limits;
  readonly config: Pick<Config, "allowedOrigins">;
  /** The text exposition of all metrics. */
  readonly metrics: () => Promise<{ readonly contentType: string; readonly text: string }>;
  /** Undefined unless the development key is in use: then `/dev/token` is not there. */
  readonly mintToken: MintToken | undefined;
}
