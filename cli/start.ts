import { ignoredSettings } from "../src/config-cluster.ts";
import { redacted } from "../src/config.ts";
import { listeningStep } from "./listening.ts";
import { runProgram, UsageError } from "./program.ts";
import { readStandaloneSettings } from "./settings.ts";
import { startStandalone, type Standalone } from "./standalone.ts";

const HELP = `bun run start — Tidegate in one process, on embedded storage

Settings come from the environment; docs/reference/config.md lists them all.
  PORT, HOST      where to listen (8080 on 127.0.0.1; PORT=0 picks a free port)
  TIDEGATE_DATA   folder of log and store (./data)

Examples
  bun run start
  PORT=9000 TIDEGATE_DATA=/var/lib/tidegate bun run start

It takes no options. On Kafka, Redis and Postgres: bun run gateway and bun run consumers.
`;

const TOKEN_LIFETIME_MS = 24 * 3_600_000;

async function welcome(
  running: Standalone,
  config: Readonly<Record<string, unknown>>,
): Promise<void> {
  running.telemetry.log("info", "started", { config });
  const ignored = ignoredSettings(process.env);
  if (ignored.length > 0)
    running.telemetry.log("warn", "settings of a cluster have no effect here", {
      settings: ignored.join(", "),
      instead: "bun run gateway, bun run consumers",
    });
  if (running.development && !isLoopback(String(config["host"]))) {
    running.telemetry.log(
      "warn",
      "anyone who reaches this port can make tokens: set TIDEGATE_JWT_KEYS, or HOST=127.0.0.1",
      {
        host: config["host"],
      },
    );
  }
  const token = await running.issueToken?.("curl", TOKEN_LIFETIME_MS);
  if (token === undefined) {
    process.stdout.write(`\nTidegate listens on ${running.url}\n`);
    return;
  }
  process.stdout.write(`
Tidegate is ready.

  Open ${running.url}/ in two windows and chat.
${opsLine(running)}
  Send a message from here:
    curl -s ${running.url}/v1/conversations/general/messages \\
      -H 'Authorization: Bearer ${token}' \\
      -H 'Content-Type: application/json' \\
      -d '{"content":{"text":"hello from curl"}}'

  Stop with Ctrl-C: what was acked stays.
`);
}

/** A link that signs in by itself; the key after # is sent to nobody. */
function opsLine({ opsUrl }: Standalone): string {
  return opsUrl === undefined ? "" : `  See what happens: ${opsUrl}\n`;
}

function isLoopback(host: string): boolean {
  return host === "localhost" || host === "::1" || host.startsWith("127.");
}

/** System errors about a place that cannot be written. */
const NOT_WRITABLE: ReadonlySet<unknown> = new Set([
  "EACCES",
  "ENOENT",
  "ENOSPC",
  "EPERM",
  "EROFS",
  "ENOTDIR",
  "EEXIST",
]);

/** What the operator can do about a fault of the data folder, or of the address. */
function nextStep(error: unknown): string {
  const listening = listeningStep(error);
  if (listening !== undefined) return listening;
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  if (code === "log_unavailable" || code === "store_unavailable")
    return ". Stop the process that uses it, or set TIDEGATE_DATA to another folder";
  return NOT_WRITABLE.has(code) ? ". Set TIDEGATE_DATA to a folder that can be written" : "";
}

await runProgram({
  help: HELP,
  async start(args) {
    if (args.length > 0)
      throw new UsageError(
        `${String(args[0])} is not understood: settings come from the environment, as in PORT=9000 bun run start`,
      );
    const config = await readStandaloneSettings(process.env);
    const running = await startStandalone(config, (line) => void process.stderr.write(line));
    await welcome(running, redacted(config));
    return {
      drainMs: config.limits.drainDeadlineMs,
      stop: () => running.stop(),
      stopsAt: () => running.stopsAt(),
    };
  },
  nextStep,
});
