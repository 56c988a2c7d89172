/**
 * Starts everything by itself, measures it, and writes `docs/benchmarks.json` and what is made of it.
 *
 *     bun run bench [--only=row,row] [--rounds=3] [--quick] [--dry] [--cold] [--set=NAME=value,…] [--list]
 */
import { join } from "node:path";
import { Arguments } from "./arguments.ts";
import { backMemory } from "./backed-memory.ts";
import { ROWS, type Row } from "./bench/rows.ts";
import { minutes, Runner } from "./bench/runner.ts";
import { prune } from "./result.ts";

const HELP = `Measures Tidegate on this machine, side by side with Socket.IO and what its parts can do.

  --only=a,b    these rows, or all whose name begins so; others keep their last figures
  --rounds=3    how often each row is measured: its median is recorded, with the spread
  --quick       each row for a moment, to see that it works; records nothing
  --dry         records nothing
  --cold        measures with memory as it is found: where the host of a virtual machine gives a page
                at its first touch only, that is part of the figures then
  --set=A=1,B=2 settings of gateways, consumers and the standalone server, to try them out
  --list        the rows, and about how long a round of each takes; those with * run only when named

Figures go to docs/benchmarks.json, from there to docs/benchmarks.md and the README's table. A round
in which other processes had more than 15 % of a core does not count.
`;
const DEFAULT_ROUNDS = 3;

const args = new Arguments();
const say = (line: string): void => void process.stderr.write(`${line}\n`);
const rows = selected(args.text("only"));
const isQuick = args.has("quick");
const isRecorded = !isQuick && !args.has("dry") && !args.has("set");
const runner = new Runner({
  rows,
  rounds: args.number("rounds", isQuick ? 1 : DEFAULT_ROUNDS),
  isQuick,
  isRecorded,
  settings: args.pairs("set"),
  say,
});

if (args.has("help")) process.stdout.write(HELP);
else if (args.has("list")) list();
else await run();

async function run(): Promise<void> {
  say(`${rows.length} rows, about ${minutes(runner.seconds)}`);
  {
    await using memory = isQuick || args.has("cold") ? undefined : await backMemory(say);
    void memory;
    await runner.run();
  }
  if (runner.hasRecorded) {
    prune(new Set(ROWS.map(({ name, recordedAs }) => recordedAs ?? name)));
    const report = Bun.spawn([process.execPath, join(import.meta.dir, "report.ts")], {
      stdio: ["ignore", "inherit", "inherit"],
    });
    if ((await report.exited) !== 0) throw new Error("the report could not be made");
  }
  if (runner.failed.size === 0) return;
  say(`failed: ${[...runner.failed].join(" ")}`);
  process.exitCode = 1;
}

function list(): void {
  for (const { name, mode, seconds, title, isExtra } of ROWS) {
    const cells = [
      (name + (isExtra === true ? " *" : "")).padEnd(26),
      mode.padEnd(10),
      minutes(seconds).padStart(7),
    ];
    process.stdout.write(`${cells.join("  ")}  ${title}\n`);
  }
}

/** @throws on a name that fits no row */
function selected(only: string | undefined): readonly Row[] {
  if (only === undefined) return ROWS.filter(({ isExtra }) => isExtra !== true);
  const names = only.split(",");
  const wrong = names.find((name) => !ROWS.some((row) => row.name.startsWith(name)));
  if (wrong !== undefined) throw new Error(`there is no row ${wrong}; --list shows them`);
  return ROWS.filter((row) =>
    names.some((name) =>
      // A whole name means that row alone, also where others begin with it.
      ROWS.some((other) => other.name === name) ? row.name === name : row.name.startsWith(name),
    ),
  );
}
