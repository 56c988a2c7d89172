/** `bun run tidegate <command>`: every program by one name. */

import { version } from "../package.json" with { type: "json" };

interface Command {
  readonly doc: string;
  readonly load: () => Promise<unknown>;
}

const COMMANDS: Readonly<Record<string, Command>> = {
  start: { doc: "Tidegate in one process", load: () => import("./start.ts") },
  gateway: { doc: "one gateway of a cluster", load: () => import("../gateway/main.ts") },
  consumers: { doc: "consumer pools of a cluster", load: () => import("../consumers/main.ts") },
  tenants: { doc: "the tenants of a cluster", load: () => import("./tenants.ts") },
  export: {
    doc: "write tenants with all their messages to a file",
    load: () => import("./export.ts"),
  },
  import: { doc: "bring tenants of such a file", load: () => import("./import.ts") },
  verify: { doc: "check settings against services", load: () => import("./verify.ts") },
  "verify:kafka": {
    doc: "check Kafka's alone (verify --kafka)",
    load: () => {
      process.argv.push("--kafka");
      return import("./verify.ts");
    },
  },
  explain: { doc: "what became of a message", load: () => import("./explain.ts") },
  "dead-letters": {
    doc: "list, show and redrive what could not be processed",
    load: () => import("./dead-letters.ts"),
  },
  "accept-loss": {
    doc: "go on with a partition that was halted",
    load: () => import("./accept-loss-main.ts"),
  },
};

const HELP = `bun run tidegate <command> — each command has --help; --version tells this one's

${Object.entries(COMMANDS)
  .map(([name, { doc }]) => `  ${name.padEnd(12)} ${doc}\n`)
  .join("")}
Examples
  bun run tidegate start
  bun run tidegate explain 0199a3c4-7b1e-7c3a-9f00-5d2b8e6a4c11.AbCdEfGhIjKlMnOp
`;

const name = process.argv[2] ?? "";
const command = Object.hasOwn(COMMANDS, name) ? COMMANDS[name] : undefined;
if (name === "--version") {
  process.stdout.write(`tidegate ${version} (Bun ${Bun.version})\n`);
  process.exit(0);
}
if (command === undefined) {
  const isHelp = name === "--help" || name === "-h";
  if (isHelp) process.stdout.write(HELP);
  else process.stderr.write(`${name === "" ? "" : `there is no command ${name}\n\n`}${HELP}`);
  process.exit(isHelp ? 0 : 2);
}
// The program reads its own arguments behind its name, as it does when it is run alone.
process.argv.splice(2, 1);
await command.load();
