/** A program whose end goes as its argument says. */
import { runProgram } from "../../cli/program.ts";
import { Stop } from "../../cli/stop.ts";

const DRAIN_MS = 300;

await runProgram({
  help: "",
  start([how]) {
    const failing = Promise.withResolvers<never>();
    const stop = new Stop(() => [
      [
        "the store",
        async () => {
          if (how === "hangs") await new Promise(() => {});
          if (how === "throws") throw new Error("no room");
          if (how === "fails late") failing.reject(new Error("it was still coming up"));
        },
      ],
      ["the log", () => void process.stdout.write("the log is closed\n")],
    ]);
    // Keeps the process until it is told to stop.
    setInterval(() => {}, 1_000);
    process.stdout.write("up\n");
    return Promise.resolve({
      drainMs: DRAIN_MS,
      failed: failing.promise,
      stop: () => stop.run(),
      stopsAt: () => stop.at,
    });
  },
});
