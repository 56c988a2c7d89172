/**
 * Runs a script of k6 as its first virtual user, without k6: `bun script-fixture.ts <script>`. When
 * the script has nothing more to do, it prints what its metrics were told, as JSON.
 */
import { provideK6, told } from "./modules.ts";

interface Script {
  readonly setup: () => unknown;
  readonly run: (data: unknown) => void;
}

provideK6(process.env);
// What a script says to k6's log would be in the way of the JSON.
console.log = () => undefined;
const script = (await import(process.argv[2] ?? "")) as Script;
script.run(script.setup());
process.once("beforeExit", () => {
  process.stdout.write(JSON.stringify(Object.fromEntries(told)));
});
