import { createPrometheusTelemetry } from "../src/adapters/prometheus/telemetry.ts";
import { ConfigError } from "../src/config-read.ts";
import { acceptLoss, lossText } from "./accept-loss.ts";
import { openLog, openStore, systemBasics } from "./cluster/open.ts";
import { explainConfig, UsageError } from "./program.ts";
import { readClusterSettings } from "./settings.ts";

const HELP = `bun run tidegate accept-loss <topic>/<partition> --yes

Goes on with a partition that delivery has halted because its log is not the one that was stored:
deleted and made again, expired, cut short, or other records at the same offsets. Nothing that is
stored is deleted; what the log has lost stays lost, and readers of the partition's conversations
start over. Then restart the consumers process whose /readyz names the partition.

Example
  bun run tidegate accept-loss chat.messages.acme/7 --yes

Settings come from the environment; docs/reference/config.md lists them all.
`;

const ONE_EACH = { write: 1, read: 1 };

async function main(args: readonly string[]): Promise<void> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(HELP);
    return;
  }
  const { topic, partition } = partitionOf(args);
  const config = await readClusterSettings(process.env, "tool");
  const { clock, random } = systemBasics();
  const { limits } = config;
  const telemetry = createPrometheusTelemetry({
    clock,
    limits,
    level: "error",
    write: (line) => void process.stderr.write(line),
  });
  const log = openLog(config, { clock, random, telemetry });
  try {
    const store = await openStore(config, "tidegate/accept-loss", ONE_EACH, telemetry);
    try {
      const report = await acceptLoss(log, store, { topic, partition });
      process.stdout.write(
        report === undefined
          ? `${topic}/${partition}: log and store agree, nothing was changed\n`
          : `${lossText(report)}\n`,
      );
    } finally {
      await store.close();
    }
  } finally {
    await log.close();
    telemetry.close();
  }
}

function partitionOf(args: readonly string[]): { topic: string; partition: number } {
  const isSure = args.includes("--yes");
  const [place = "", ...rest] = args.filter((arg) => arg !== "--yes");
  const match = /^(?<topic>[A-Za-z0-9._-]+)\/(?<partition>[0-9]{1,6})$/.exec(place)?.groups;
  if (match === undefined || rest.length > 0)
    throw new UsageError("accept-loss takes one partition, as /readyz names it: topic/partition");
  if (!isSure) throw new UsageError(`readers of ${place} will start over: say so with --yes`);
  return { topic: match["topic"] ?? "", partition: Number(match["partition"]) };
}

try {
  await main(process.argv.slice(2));
  process.exit(0);
} catch (error) {
  const isUsage = error instanceof UsageError;
  const message = error instanceof Error ? error.message : String(error);
  const text =
    error instanceof ConfigError
      ? explainConfig(error)
      : `${isUsage ? "" : "accept-loss: "}${message}`;
  process.stderr.write(`${text}\n${isUsage ? "See bun run tidegate accept-loss --help.\n" : ""}`);
  process.exit(isUsage ? 2 : 1);
}
