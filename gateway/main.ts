import { startGateway } from "../cli/cluster/gateway.ts";
import { listeningStep } from "../cli/listening.ts";
import { runProgram, UsageError } from "../cli/program.ts";
import { readClusterSettings } from "../cli/settings.ts";

const HELP = `bun run gateway — one gateway of a cluster: WebSocket, HTTP and the demo page

Start as many as there are cores: on one machine they share the port (Linux).
Settings come from the environment; docs/reference/config.md lists them all.
  KAFKA_BROKERS       host:port with commas between
  REDIS_URL           redis://[user:password@]host:port
  DATABASE_URL        postgres://user:password@host:port/database
  TIDEGATE_JWT_KEYS   keys that tokens are checked with, the same for all gateways; for
                      development NODE_ENV=development and a TIDEGATE_DATA that all share
  PORT, HOST          where to listen (8080 on 127.0.0.1)

Example
  export KAFKA_BROKERS=broker1:9092 REDIS_URL=redis://redis
  export DATABASE_URL=postgres://user:password@postgres/tidegate
  export NODE_ENV=development TIDEGATE_DATA=./data
  bun run gateway

It starts also while a service is away, and says on /readyz what is missing.
bun run verify checks the settings against the services. Consumers: bun run consumers.
`;

await runProgram({
  help: HELP,
  async start(args) {
    if (args.length > 0)
      throw new UsageError(
        `${String(args[0])} is not understood: settings come from the environment, as in PORT=9000 bun run gateway`,
      );
    const config = await readClusterSettings(process.env, "gateway");
    const gateway = await startGateway(config, (line) => void process.stderr.write(line));
    process.stdout.write(`Tidegate's gateway ${gateway.name} listens on ${gateway.url}\n`);
    return gateway;
  },
  nextStep: (error) => listeningStep(error) ?? ". Run bun run verify to find out more",
});
