/** Starts a Redis and a Postgres, prints where they live and who they are, and waits to be killed. */
import { readdirSync } from "node:fs";
import { pidFolder, serviceRoot } from "./guard.ts";
import { startPostgres } from "./postgres.ts";
import { startRedis } from "./redis.ts";

await Promise.all([startRedis(), startPostgres()]);
const pids = readdirSync(pidFolder()).map(Number);
process.stdout.write(`${JSON.stringify({ folder: serviceRoot(), pids })}\n`);
setInterval(() => {}, 60_000);
