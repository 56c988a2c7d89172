import { POOLS, startConsumers, type PoolName } from "../cli/cluster/consumers.ts";
import { listeningStep } from "../cli/listening.ts";
import { runProgram, UsageError } from "../cli/program.ts";
import { readClusterSettings } from "../cli/settings.ts";

const NAMES = Object.keys(POOLS) as PoolName[];

const HELP = `bun run consumers [pool …] — consumer pools of a cluster; all of them when none is named

Pools: ${NAMES.join(", ")}
Start as many processes as you like: those of one pool share out the partitions.
Settings come from the environment; docs/reference/config.md lists them all.
  KAFKA_BROKERS             host:port with commas between
  REDIS_URL                 redis://[user:password@]host:port
  DATABASE_URL              postgres://user:password@host:port/database
  TIDEGATE_CONSUMERS_PORT   where /livez, /readyz and /metrics are (8081; 0 picks a free port)
  TIDEGATE_WORKER           name of this process, the same after a restart

Examples
  bun run consumers                                                 all pools
  TIDEGATE_WORKER=c1 TIDEGATE_CONSUMERS_PORT=8082 bun run consumers delivery outbox

It starts also while a service is away, and says on /readyz what is missing.
bun run verify checks the settings against the services. Gateways: bun run gateway.
`;

await runProgram({
  help: HELP,
  async start(args) {
    const pools = poolsOf(args);
    const config = await readClusterSettings(process.env, "consumers");
    const write = (line: string): void => void process.stderr.write(line);
    const consumers = await startConsumers(config, pools, write);
    process.stdout.write(
      `Tidegate's consumers ${consumers.name} run ${pools.join(", ")}; ${consumers.url}/readyz\n`,
    );
    return consumers;
  },
  nextStep: (error) => listeningStep(error) ?? ". Run bun run verify to find out more",
});

function poolsOf(args: readonly string[]): readonly PoolName[] {
  const wrong = args.find((arg) => !NAMES.includes(arg as PoolName));
  if (wrong !== undefined)
    throw new UsageError(
      `there is no pool ${JSON.stringify(wrong)}: the pools are ${NAMES.join(", ")}`,
    );
  return args.length === 0 ? NAMES : ([...new Set(args)] as PoolName[]);
}
