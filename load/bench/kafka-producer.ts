import { kafkaClassPath } from "../../test/support/services/kafka-jars.ts";
import { javaCommand } from "../../test/support/services/kafka-tool.ts";
import { startKafka } from "../../test/support/services/kafka.ts";
import { BROKER_FLAGS, BROKER_HEAP } from "../cluster/services.ts";
import type { Figures } from "../result.ts";
import type { Extent } from "./load.ts";
import { median } from "./rounds.ts";

const PARTITIONS = "8";
/** As large as the record of a message of 200 bytes is about. */
const RECORD_BYTES = "500";
const RECORDS = 6_000_000;
const QUICK_RECORDS = 600_000;
/** The tool prints a line every 5 s; its own compiler is busy during the first two. */
const WARM_UP_LINES = 2;
const TOPIC = "limit";
const PRODUCER = "acks=all linger.ms=5 batch.size=131072 buffer.memory=67108864";

/** Kafka's own producer benchmark, from a JVM beside the broker: acks=all, batches as Java likes them. */
export async function kafkaProducer({ isQuick }: Extent): Promise<Figures> {
  await using kafka = await startKafka({ heap: BROKER_HEAP, flags: BROKER_FLAGS });
  const made = await kafka.tool("org.apache.kafka.tools.TopicCommand", [
    "--create",
    "--topic",
    TOPIC,
    "--partitions",
    PARTITIONS,
  ]);
  if (made.exitCode !== 0) throw new Error(`no topic could be made:\n${made.output}`);
  const records = isQuick ? QUICK_RECORDS : RECORDS;
  const properties = `bootstrap.servers=${kafka.brokers.join(",")} ${PRODUCER}`;
  const options = `--topic ${TOPIC} --num-records ${records} --record-size ${RECORD_BYTES} --throughput -1`;
  const args = `${options} --producer-props ${properties}`.split(" ");
  const tool = "org.apache.kafka.tools.ProducerPerformance";
  const command = javaCommand(await kafkaClassPath(), ["-Xmx512m", "-XX:+UseG1GC"], tool, args);
  const child = Bun.spawn([...command], { stdio: ["ignore", "pipe", "inherit"] });
  const output = await new Response(child.stdout).text();
  if ((await child.exited) !== 0) throw new Error(`the producer failed:\n${output}`);
  return readProducerOutput(output);
}

/** What the tool printed: a line every 5 s, and a last one over the whole time. */
export function readProducerOutput(output: string): Figures {
  const lines = output.split("\n").filter((line) => line.includes("records/sec"));
  const last = lines.at(-1) ?? "";
  const rates = lines.slice(0, -1).map((line) => number(/([\d.]+) records\/sec/, line));
  const warm = rates.slice(WARM_UP_LINES, -1);
  return {
    acked_per_s: warm.length > 0 ? median(warm) : number(/([\d.]+) records\/sec/, last),
    p50_ms: number(/(\d+) ms 50th/, last),
    p99_ms: number(/(\d+) ms 99th/, last),
    p999_ms: number(/(\d+) ms 99\.9th/, last),
    record_bytes: Number(RECORD_BYTES),
  };
}

function number(pattern: RegExp, line: string): number {
  const text = pattern.exec(line)?.[1];
  if (text === undefined) throw new Error(`there is no ${String(pattern)} in ${line}`);
  return Number(text);
}
