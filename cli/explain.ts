import { parseArgs } from "node:util";
import { createJwtAuthenticator } from "../src/adapters/jwt/authenticator.ts";
import { createPrometheusTelemetry } from "../src/adapters/prometheus/telemetry.ts";
import { loadKeys } from "../src/adapters/system/keys.ts";
import { ConfigError } from "../src/config-read.ts";
import { parseConfig, type Config } from "../src/config.ts";
import { asAppError, AppError } from "../src/errors.ts";
import type { Clock } from "../src/ports/clock.ts";
import { systemBasics } from "./cluster/open.ts";
import { readerLines, type ReaderQuestion } from "./explain/reader.ts";
import { openClusterEvidence, openStandaloneEvidence } from "./explain/sides.ts";
import { tellStory } from "./explain/story.ts";
import { linesText, storyLines, summarize } from "./explain/text.ts";
import { explainConfig, UsageError } from "./program.ts";
import { readClusterSettings } from "./settings.ts";

const HELP = `bun run tidegate explain <message id> [options] — what became of a message

Says where it is (log, outbox, dead letters, store), its verdict, its place and its trace: all that
is known of it, and what is not. The id stands in the receipt of its sender and in every event.

  --user U        also whether user U may read it
  --token JWT     U's token, in which the rights stand
  --tenant T      look at this tenant alone, which is quicker where there are many
  --records N     how far to look through logs, in records of a partition (200000)
  --json          for programs

Examples
  bun run tidegate explain 0199a3c4-7b1e-7c3a-9f00-5d2b8e6a4c11.AbCdEfGhIjKlMnOp
  bun run tidegate explain <message id> --user bob --token "$TOKEN"

With KAFKA_BROKERS set it asks that cluster, which may run; else the folder of TIDEGATE_DATA, whose
program has to be stopped. Nothing is changed. Settings come from the environment;
docs/reference/config.md lists them all.

Ends with 0 when something is known of the message, 1 when not, or when it cannot be asked, and 2
when the command line or the settings are wrong.
`;

const OPTIONS = {
  user: { type: "string" },
  token: { type: "string" },
  tenant: { type: "string" },
  records: { type: "string", default: "200000" },
  json: { type: "boolean", default: false },
} as const;

/** `<key>.<scope>` as `messageId` makes it. */
const MESSAGE_ID = /^[A-Za-z0-9_-]{16,64}\.[A-Za-z0-9_-]{16}$/;

async function main(args: readonly string[]): Promise<number> {
  if (args.includes("--help") || args.includes("-h")) {
    process.stdout.write(HELP);
    return 0;
  }
  const { values, id, recordsMax } = read(args);
  const isCluster = Boolean(process.env["KAFKA_BROKERS"]);
  const cluster = isCluster ? await readClusterSettings(process.env, "tool") : undefined;
  const config = cluster ?? parseConfig(process.env);
  const { clock, random } = systemBasics();
  const telemetry = createPrometheusTelemetry({
    clock,
    limits: config.limits,
    level: "error",
    write: (line) => void process.stderr.write(line),
  });
  const basics = { clock, random, telemetry };
  try {
    await using evidence =
      cluster === undefined
        ? await openStandaloneEvidence(config, basics)
        : await openClusterEvidence(cluster, basics);
    const story = await tellStory(evidence, { id, tenant: values.tenant, recordsMax });
    const { keptMs } = evidence;
    const options = { now: clock.now(), keptMs, traceUrl: config.traceUrl };
    const reader = values.user === undefined ? undefined : await ask(values, config, clock);
    const summary = summarize(story, options);
    const lines = [
      ...storyLines(story, options),
      ...(reader === undefined ? [] : readerLines(story, reader)),
    ];
    const { traceId } = story.trace;
    process.stdout.write(
      values.json
        ? `${JSON.stringify({ id, ...summary, trace: traceId, lines }, null, 2)}\n`
        : linesText(lines),
    );
    return summary.state === "unknown" ? 1 : 0;
  } finally {
    telemetry.close();
  }
}

/** @throws UsageError */
function read(args: readonly string[]) {
  const { values, positionals } = parse(args);
  const [id, ...rest] = positionals;
  if (id === undefined || rest.length > 0) throw new UsageError("explain takes one message id");
  if (!MESSAGE_ID.test(id))
    throw new UsageError(
      `${JSON.stringify(id)} is no message id: those are <key>.<16 characters>, as "message" in a receipt and "id" in an event`,
    );
  if (!/^[1-9][0-9]{0,8}$/.test(values.records))
    throw new UsageError("--records is a whole number from 1 to 999999999");
  if (values.token !== undefined && values.user === undefined)
    throw new UsageError("--token goes with --user");
  return { values, id, recordsMax: Number(values.records) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

async function ask(
  { user = "", token }: ReturnType<typeof parse>["values"],
  config: Config,
  clock: Clock,
): Promise<ReaderQuestion> {
  if (token === undefined) return { user, identity: undefined, refused: undefined };
  const { keys } = loadKeys(config);
  const { issuer, audience } = config.jwt;
  const { limits } = config;
  const authenticator = await createJwtAuthenticator({ keys, issuer, audience, clock, limits });
  try {
    return { user, identity: await authenticator.authenticate(token), refused: undefined };
  } catch (error) {
    return { user, identity: undefined, refused: asAppError(error).message };
  }
}

function explain(error: unknown): string {
  if (error instanceof ConfigError) return explainConfig(error);
  if (error instanceof UsageError) return `${error.message}\nSee bun run tidegate explain --help.`;
  if (!(error instanceof AppError)) return `explain: ${String(error)}`;
  const cause = error.code === "internal" && error.cause instanceof Error ? error.cause : error;
  return `explain: ${cause.message}`;
}

try {
  process.exit(await main(process.argv.slice(2)));
} catch (error) {
  const isWrong = error instanceof UsageError || error instanceof ConfigError;
  process.stderr.write(`${explain(error)}\n`);
  process.exit(isWrong ? 2 : 1);
}
