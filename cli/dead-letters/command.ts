import { parseArgs } from "node:util";
import { AppError, asAppError } from "../../src/errors.ts";
import type { DeadLetterQuery, DeadLetters } from "../../src/ports/dead-letters.ts";
import { UsageError } from "../program.ts";
import { detailText, jsonText, listText, redrivenText } from "./text.ts";

export const DEAD_LETTERS_HELP = `bun run tidegate dead-letters — what could not be processed

  list [--pool P] [--tenant T] [--limit N] [--after CURSOR]
                           newest first: reason, origin, and whether it was sent again
  show <letter>            one with its record; what a terminal would obey is escaped
  redrive <letter> …       sends messages again, each with its id of before: it is placed once
  redrive --all [--pool P] [--tenant T]
                           all that can be sent again and were not

  --again                  redrives also what was redriven before
  --json                   prints JSON
  --url http://HOST:PORT   asks this gateway, with the key in TIDEGATE_ADMIN_KEY. Without it a
                           cluster's services are used directly: KAFKA_BROKERS, REDIS_URL,
                           DATABASE_URL and what docs/reference/config.md lists. Standalone has its
                           log for itself, so there --url is needed.

Examples
  bun run tidegate dead-letters list --tenant acme
  TIDEGATE_ADMIN_KEY=<key> bun run tidegate dead-letters redrive --all --url http://127.0.0.1:8080

A key_conflict cannot be redriven as it is: another message was placed under its key, and its sender
has to send it under a new one.
`;

/** A command line that was understood. */
export interface DeadLettersCommand {
  /** Of the gateway to ask. */
  readonly url: string | undefined;
  /** @returns whether everything that was asked for was done */
  readonly run: (letters: DeadLetters, print: (text: string) => void) => Promise<boolean>;
}

const OPTIONS = {
  pool: { type: "string" },
  tenant: { type: "string" },
  limit: { type: "string" },
  after: { type: "string" },
  all: { type: "boolean" },
  again: { type: "boolean" },
  json: { type: "boolean" },
  url: { type: "string" },
} as const;

type Options = ReturnType<typeof parse>["values"];

/** What each command takes besides `--json` and `--url`. */
const TAKES: Readonly<Record<string, readonly (keyof Options)[]>> = {
  list: ["pool", "tenant", "limit", "after"],
  show: [],
  redrive: ["all", "again", "pool", "tenant"],
};

/** @throws UsageError for what is not understood */
export function deadLettersCommand(args: readonly string[]): DeadLettersCommand {
  const { values, positionals } = parse(args);
  const [command = "", ...ids] = positionals;
  const takes = TAKES[command];
  if (takes === undefined)
    throw new UsageError(
      `there is no command ${JSON.stringify(command)}: the commands are ${Object.keys(TAKES).join(", ")}`,
    );
  for (const option of Object.keys(values) as (keyof Options)[])
    if (option !== "json" && option !== "url" && !takes.includes(option))
      throw new UsageError(`${command} does not take --${option}`);
  const { url } = values;
  if (url !== undefined && !/^https?:\/\/[^/]+\/?$/.test(url))
    throw new UsageError("--url is not the address of a gateway: http://host:port");
  if (command === "list" && ids.length > 0) throw new UsageError("list takes no letter");
  if (command === "show" && ids.length !== 1) throw new UsageError("show takes one letter");
  if (command === "redrive" && ids.length > 0 === (values.all === true))
    throw new UsageError("redrive takes letters, or --all");
  return { url, run: runOf(command, ids, values) };
}

function parse(args: readonly string[]) {
  try {
    return parseArgs({ args: [...args], options: OPTIONS, allowPositionals: true });
  } catch (error) {
    throw new UsageError(error instanceof Error ? error.message : String(error));
  }
}

function runOf(
  command: string,
  ids: readonly string[],
  options: Options,
): DeadLettersCommand["run"] {
  const isJson = options.json === true;
  const query = queryOf(options);
  if (command === "list")
    return async (letters, print) => {
      const page = await letters.list(query);
      print(isJson ? jsonText(page) : listText(page));
      return true;
    };
  if (command === "show")
    return async (letters, print) => {
      const [id = ""] = ids;
      const found = await letters.find(id);
      if (found === undefined) throw new AppError("not_found", `there is no dead letter ${id}`);
      print(isJson ? jsonText(found) : detailText(found));
      return true;
    };
  const again = options.again === true;
  return async (letters, print) => {
    let isWhole = true;
    let isIdle = true;
    for await (const id of options.all === true ? redrivable(letters, query, again) : ids) {
      isIdle = false;
      try {
        const redriven = await letters.redrive(id, again);
        print(isJson ? `${JSON.stringify(redriven)}\n` : redrivenText(redriven));
      } catch (cause) {
        const error = asAppError(cause);
        // The others would fail for the same reason, one after the other.
        if (error.retriable || error.code === "unauthenticated") throw error;
        isWhole = false;
        const { code, message } = error;
        const step = code === "already_redriven" ? "; --again sends it once more" : "";
        print(isJson ? `${JSON.stringify({ id, code, message })}\n` : `${id}: ${message}${step}\n`);
      }
    }
    if (isIdle && !isJson) print("There is nothing to redrive.\n");
    return isWhole;
  };
}

function queryOf({ pool, tenant, after, limit }: Options): DeadLetterQuery {
  if (limit !== undefined && !/^[1-9][0-9]{0,5}$/.test(limit))
    throw new UsageError(`--limit is ${JSON.stringify(limit)}, not a whole number of 1 or more`);
  return {
    ...(pool === undefined ? {} : { pool }),
    ...(tenant === undefined ? {} : { tenant }),
    ...(after === undefined ? {} : { after }),
    ...(limit === undefined ? {} : { lettersMax: Number(limit) }),
  };
}

/** All that there are now. What is refused anew while they are redriven stands before the first page. */
async function* redrivable(
  letters: DeadLetters,
  query: DeadLetterQuery,
  again: boolean,
): AsyncGenerator<string> {
  let after: string | undefined;
  do {
    const page = await letters.list(after === undefined ? query : { ...query, after });
    for (const { id, obstacle, redrivenAt } of page.letters)
      if (obstacle === undefined && (again || redrivenAt === undefined)) yield id;
    after = page.next;
  } while (after !== undefined);
}
