/** The standalone program on a log that never flushes, which a check of flushes has to notice. */
import { startStandalone } from "../../../cli/standalone.ts";
import { parseConfig } from "../../../src/config.ts";

const write = (line: string): void => void process.stderr.write(line);
const running = await startStandalone(parseConfig(process.env), write, {
  synchronousForTests: "OFF",
});
process.once("SIGTERM", () => {
  void running.stop().then(() => process.exit(0));
});
process.stdout.write(`listens on ${running.url}\n`);
