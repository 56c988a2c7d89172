/**
 * Everything that a cluster stands on is killed, stopped, slowed down and cut off under load, alone
 * and two at once. Prints what each did to the clients; ends with 1 when anything acked was lost,
 * doubled, moved or altered.
 *
 *     bun load/fault-matrix.ts [--only=redis] [--rate=3000] [--brokers=1] [--seed=1] [--list]
 */
import { Arguments } from "./arguments.ts";
import { Cluster } from "./cluster/cluster.ts";
import { FAULTS, type Fault } from "./cluster/faults.ts";
import { Book } from "./torture/book.ts";
import { Chance } from "./torture/chance.ts";
import { Crowd } from "./torture/crowd.ts";

const BEFORE_MS = 3_000;
const AFTER_MS = 8_000;
const EXAMPLES_MAX = 8;

const args = Arguments.ofProgram("brokers conversations list only rate seed".split(" "));
const rate = args.number("rate", 3_000);
const brokers = args.number("brokers", 1);
const conversations = args.number("conversations", 12);
const chance = new Chance(args.number("seed", Date.now() % 1_000_000));
const say = (line: string): void => void process.stdout.write(`${line}\n`);
if (brokers !== 1 && brokers !== 3) throw new Error("--brokers is 1 or 3");

const only = args.text("only");
const named = FAULTS.filter((fault) => only === undefined || fault.name.includes(only));
const faults = named.filter((fault) => (fault.brokers ?? brokers) === brokers);
if (args.has("list")) {
  for (const fault of named)
    say(fault.name + (fault.brokers === undefined ? "" : `  (--brokers=${fault.brokers})`));
  process.exit(0);
}
if (faults.length === 0) throw new Error("no such fault with so many brokers; --list shows them");

await using cluster = await Cluster.start({
  gateways: 2,
  consumers: 2,
  brokers,
  partitions: 8,
  proxied: true,
  log: say,
});
say(header());
let isClean = true;
for (const [index, fault] of faults.entries()) isClean = (await run(fault, index)) && isClean;
say(isClean ? "nothing acked was lost, doubled, moved or altered" : "FAILED");
process.exitCode = isClean ? 0 : 1;

async function run(fault: Fault, index: number): Promise<boolean> {
  const book = new Book();
  const crowd = new Crowd({
    book,
    target: {
      get address() {
        return cluster.address((count) => chance.below(count));
      },
      chance,
    },
    key: cluster.key,
    rate: fault.rate ?? rate,
    ...(fault.hopEvery === undefined ? {} : { hopEvery: fault.hopEvery }),
    conversations,
    name: `row ${index}`,
    readersPerConversation: 2,
  });
  try {
    await crowd.connect();
    crowd.start();
    await Bun.sleep(BEFORE_MS);
    crowd.mark();
    await fault.begin(cluster);
    await Bun.sleep(fault.lastsMs);
    await fault.end(cluster);
    await Bun.sleep(AFTER_MS);
    const pauses = [crowd.deliveryPauseMs, crowd.answerMs];
    crowd.stop();
    await crowd.verify();
    const { acked, acked_by_outbox, refused_for_now } = book.counts;
    const { lost, hole, duplicate, reordered, ...others } = book.faults;
    const other = Object.values(others).reduce((sum, count) => sum + count, 0);
    const seconds = pauses.map((ms) => (ms / 1000).toFixed(1));
    const counts = [
      acked,
      acked_by_outbox,
      refused_for_now,
      lost,
      duplicate,
      hole,
      reordered,
      other,
    ];
    say(row([fault.name, ...seconds, ...counts.map(String)]));
    for (const example of book.examples.slice(0, EXAMPLES_MAX)) say(`    ${example}`);
  } finally {
    crowd.close();
  }
  return book.isClean;
}

function header(): string {
  const columns = [
    "fault",
    "pause s",
    "answer s",
    "acked",
    "by outbox",
    "refused",
    "lost",
    "double",
    "holes",
    "moved",
    "other",
  ];
  return row(columns);
}

function row(cells: readonly string[]): string {
  return cells.map((cell, i) => (i === 0 ? cell.padEnd(40) : cell.padStart(9))).join(" ");
}
