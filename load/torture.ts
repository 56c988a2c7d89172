/**
 * Kills the standalone program with SIGKILL at random moments under load, starts it again on the
 * same data, and counts what became of every message. Ends with 1 unless every count of faults is 0.
 *
 *     bun load/torture.ts [--kills=20] [--rate=5000] [--conversations=20] [--readers=3] [--seed=1]
 */
import { Arguments } from "./arguments.ts";
import { report } from "./result.ts";
import { Torture } from "./torture/run.ts";
import { isRecorded } from "./trial.ts";

const args = Arguments.ofProgram(
  "conversations dry kills life-max life-min program quick rate readers seed".split(" "),
);
const kills = args.number("kills", args.has("quick") ? 3 : 20);
const rate = args.number("rate", 5_000);
const log = (line: string): void => void process.stdout.write(`${line}\n`);
const torture = new Torture({
  kills,
  rate,
  conversations: args.number("conversations", 20),
  readersPerConversation: args.number("readers", 3),
  lifeMs: [args.number("life-min", 300), args.number("life-max", 2_500)],
  seed: args.number("seed", Date.now() % 1_000_000),
  program: args.text("program"),
  log,
});
const book = await torture.run();
for (const example of book.examples) log(example);
const { lost, hole, duplicate, reordered, ...others } = book.faults;
report(
  {
    name: "torture",
    mode: "standalone",
    title: `Torture: ${kills} kills by SIGKILL under ${rate} messages a second`,
  },
  {
    kills,
    messages: book.messages.length,
    ...book.counts,
    lost,
    holes: hole,
    duplicate,
    reordered,
    ...others,
  },
  isRecorded(args),
);
log(book.isClean ? "nothing acked was lost, doubled, moved or altered" : "FAILED");
process.exitCode = book.isClean ? 0 : 1;
