import { afterAll, beforeAll, describe, expect, setDefaultTimeout, test } from "bun:test";
import { Kafka, logLevel, Partitioners } from "kafkajs";
import { createKafkajsEventLog } from "../../src/adapters/kafkajs/event-log.ts";
import { createSystemClock } from "../../src/adapters/system/clock.ts";
import { partitionOf } from "../../src/policy/partitioner.ts";
import type { EventLog } from "../../src/ports/event-log.ts";
import type { LogRecord } from "../../src/wire/record.ts";
import { cleanUp, kafkaSettings, openKafkaLog } from "../support/kafka-log.ts";
import { createScope } from "../support/scoped-log.ts";
import { ensureProgram } from "../support/services/apt.ts";
import { kafkaClassPath } from "../support/services/kafka-jars.ts";
import { FAST_FLAGS, javaCommand } from "../support/services/kafka-tool.ts";
import { useKafka } from "../support/services/kafka.ts";

setDefaultTimeout(120_000);

const PARTITION_COUNTS = [3, 8, 12, 32] as const;
const scope = createScope();
let brokers: readonly string[] = [];

/** What another program read, as it stood in the log. */
interface SeenRecord {
  readonly partition: number;
  readonly offset: number;
  readonly key: string;
  /** `name=value`, in order. */
  readonly headers: readonly string[];
  readonly value: string;
}

beforeAll(async () => {
  ({ brokers } = await useKafka());
});

afterAll(() => cleanUp(brokers, scope));

const openKafkajsLog = () =>
  createKafkajsEventLog({ settings: kafkaSettings(brokers), clock: createSystemClock() });

describe.each([
  ["platformatic", (): EventLog => openKafkaLog(brokers)],
  ["kafkajs", (): EventLog => openKafkajsLog()],
] as const)("records that were written through %s", (client, openLog) => {
  const partitions = 3;
  let topic = "";
  let expected: readonly SeenRecord[] = [];

  beforeAll(async () => {
    topic = topicName(`records-${client}`);
    const log = openLog();
    await log.createTopic({ name: topic, partitions, retentionMs: 3_600_000 });
    const records = sampleRecords();
    expected = await Promise.all(
      records.map(async ({ key, headers, value }) => {
        const partition = partitionOf(key, partitions);
        const offset = await log.append(topic, partition, [{ key, headers, value }]);
        const pairs = Object.entries(headers).map(([name, text]) => `${name}=${text}`);
        return { partition, offset, key, headers: pairs, value };
      }),
    );
    await log.close();
  });

  test("are read by kcat to the byte", async () => {
    const seen = await readWithKcat(topic);
    expect(inOrder(seen)).toEqual(inOrder(expected));
  });

  test("are read by kafkajs' own consumer to the byte", async () => {
    const seen = await readWithKafkajs(topic, expected.length);
    expect(inOrder(seen)).toEqual(inOrder(expected));
  });

  test("are read by Kafka's console consumer to the byte", async () => {
    const lines = await readWithConsole(topic, expected.length);
    const wanted = expected.map(({ partition, offset, headers, key, value }) => {
      const texts = headers.map((pair) => pair.replace("=", ":")).join(",");
      return [`Partition:${partition}`, `Offset:${offset}`, texts, key, value].join(SEPARATOR);
    });
    expect(lines.toSorted()).toEqual(wanted.toSorted());
  });
});

describe.each(PARTITION_COUNTS)("keys over %i partitions", (partitions) => {
  test("10,000 keys land where kafkajs' Java-compatible partitioner puts them", () => {
    const partitioner = Partitioners.DefaultPartitioner();
    const partitionMetadata = Array.from({ length: partitions }, (_, partitionId) => ({
      partitionErrorCode: 0,
      partitionId,
      leader: 1,
      replicas: [1],
      isr: [1],
    }));
    const used = new Set<number>();
    for (const key of generatedKeys(10_000)) {
      const partition = partitionOf(key, partitions);
      used.add(partition);
      const message = { key, value: "" };
      if (partitioner({ topic: "t", partitionMetadata, message }) !== partition)
        throw new Error(`${JSON.stringify(key)} is not in partition ${partition}`);
    }
    expect(used.size).toBe(partitions);
  });

  test("400 keys land where Java's own producer puts them", async () => {
    const topic = topicName(`keys-${partitions}`);
    await using log = disposable(openKafkajsLog());
    await log.createTopic({ name: topic, partitions, retentionMs: 3_600_000 });
    const keys = generatedKeys(400);
    await produceWithConsole(topic, keys);
    const byJava = new Map<string, number>();
    for (let partition = 0; partition < partitions; partition++)
      for (const { key } of (await log.read(topic, partition, 0, keys.length)).records)
        byJava.set(key, partition);
    expect(keys.map((key) => [key, byJava.get(key)])).toEqual(
      keys.map((key) => [key, partitionOf(key, partitions)]),
    );
  });
});

/** Between the fields of the console consumer's lines; in no key, header or value. */
const SEPARATOR = "|~|";

function topicName(name: string): string {
  const topic = `${scope.prefix}${name}`;
  scope.topics.add(topic);
  return topic;
}

function disposable(log: EventLog): EventLog & AsyncDisposable {
  return Object.assign(log, { [Symbol.asyncDispose]: () => log.close() });
}

function sampleRecords(): readonly LogRecord[] {
  const texts = [
    "plain",
    "Grüße, Zoë – naïve café",
    "日本語のメッセージ",
    "😀 \u{1f468}\u200d\u{1f469}\u200d\u{1f467} \u2028\u2029 \u0085\u007f",
    'quotes " and \\ backslashes',
    "العربية עברית हिन्दी",
    "x".repeat(50_000) + "ü".repeat(10_000),
    "",
  ];
  return texts.flatMap((text, i) => [
    {
      key: `räum-${i} 😀`,
      headers: { tidegate: `1 1 abc${i} a=b;c "~`, "content-type": "application/json" },
      value: JSON.stringify({ content: text }),
    },
    { key: text.slice(0, 100), headers: { n: "" }, value: text },
  ]);
}

/** Names as conversations have them: short and long, ASCII and not. */
function generatedKeys(count: number): readonly string[] {
  const alphabets = ["abcdefghij0123456789-_/.:", "äöüßéèñçøå", "日本語中文한국어", "😀😁🚀🌍"];
  const letters = alphabets.map((alphabet) => Array.from(alphabet));
  let state = 0x2545f491;
  const next = (below: number) => {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    return Math.floor((state / 2 ** 32) * below);
  };
  const keys = new Set<string>();
  while (keys.size < count) {
    let key = "";
    for (let left = next(40) + 1; left > 0; left--) {
      const alphabet = letters[next(8) < 5 ? 0 : next(letters.length)] as readonly string[];
      key += alphabet[next(alphabet.length)];
    }
    keys.add(key);
  }
  return [...keys];
}

function inOrder(records: readonly SeenRecord[]): readonly SeenRecord[] {
  return records.toSorted((a, b) => a.partition - b.partition || a.offset - b.offset);
}

/** Bytes as text that tells every difference: what is not UTF-8 stays apart from what is. */
function exactText(bytes: Uint8Array | null | undefined): string {
  return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(bytes ?? undefined);
}

async function readWithKcat(topic: string): Promise<readonly SeenRecord[]> {
  const kcat = await ensureProgram({ command: "kcat", package: "kcat", aliases: ["kafkacat"] });
  // Lengths before the texts, so that these may hold anything.
  const format = "%p %o %K %S\n%k%s%h\n";
  const args = ["-C", "-b", brokers.join(","), "-t", topic, "-e", "-q", "-f", format];
  const output = await outputOf([kcat, ...args]);
  const seen: SeenRecord[] = [];
  for (let at = 0; at < output.length;) {
    const headEnd = output.indexOf(0x0a, at);
    const numbers = exactText(output.subarray(at, headEnd)).split(" ").map(Number);
    const [partition = -1, offset = -1, keyBytes = -1, valueBytes = -1] = numbers;
    const keyEnd = headEnd + 1 + keyBytes;
    const valueEnd = keyEnd + valueBytes;
    const end = output.indexOf(0x0a, valueEnd);
    seen.push({
      partition,
      offset,
      key: exactText(output.subarray(headEnd + 1, keyEnd)),
      headers: exactText(output.subarray(valueEnd, end)).split(","),
      value: exactText(output.subarray(keyEnd, valueEnd)),
    });
    at = end + 1;
  }
  return seen;
}

async function readWithKafkajs(topic: string, count: number): Promise<readonly SeenRecord[]> {
  const groupId = `${scope.prefix}reader-${topic}`;
  scope.groups.add(groupId);
  const kafka = new Kafka({
    brokers: [...brokers],
    clientId: "reader",
    logLevel: logLevel.NOTHING,
  });
  const consumer = kafka.consumer({ groupId });
  const seen: SeenRecord[] = [];
  const done = Promise.withResolvers<void>();
  await consumer.connect();
  await consumer.subscribe({ topic, fromBeginning: true });
  await consumer.run({
    autoCommit: false,
    eachMessage: async ({ partition, message: { offset, key, headers = {}, value } }) => {
      const pairs = Object.entries(headers).map(
        ([name, bytes]) => `${name}=${exactText(bytes as Buffer)}`,
      );
      const texts = { key: exactText(key), headers: pairs, value: exactText(value) };
      seen.push({ partition, offset: Number(offset), ...texts });
      if (seen.length === count) done.resolve();
    },
  });
  await done.promise;
  await consumer.disconnect();
  return seen;
}

async function readWithConsole(topic: string, count: number): Promise<readonly string[]> {
  const properties = ["partition", "offset", "headers", "key"].map((name) => `print.${name}=true`);
  properties.push(`key.separator=${SEPARATOR}`);
  const output = await java("org.apache.kafka.tools.consumer.ConsoleConsumer", [
    "--from-beginning",
    `--bootstrap-server=${brokers.join(",")}`,
    `--topic=${topic}`,
    `--max-messages=${count}`,
    ...properties.flatMap((property) => ["--property", property]),
  ]);
  return exactText(output).split("\n").slice(0, -1);
}

/** With Java's default partitioner. */
async function produceWithConsole(topic: string, keys: readonly string[]): Promise<void> {
  const args = ["--bootstrap-server", brokers.join(","), "--topic", topic];
  args.push("--property", "parse.key=true", "--property", "key.separator=\t");
  const lines = keys.map((key) => `${key}\tvalue\n`).join("");
  await java("org.apache.kafka.tools.ConsoleProducer", args, lines);
}

async function java(
  mainClass: string,
  args: readonly string[],
  input?: string,
): Promise<Uint8Array> {
  const flags = ["-Xmx128m", "-Dfile.encoding=UTF-8", "-Dstdout.encoding=UTF-8", ...FAST_FLAGS];
  return outputOf(javaCommand(await kafkaClassPath(), flags, mainClass, args), input);
}

async function outputOf(command: readonly string[], input = ""): Promise<Uint8Array> {
  const child = Bun.spawn([...command], { stdin: new Blob([input]), stderr: "pipe" });
  const [output, faults, exitCode] = await Promise.all([
    child.stdout.bytes(),
    child.stderr.text(),
    child.exited,
  ]);
  if (exitCode !== 0)
    throw new Error(`${command[0]} ended with ${exitCode}: ${faults.slice(-2_000)}`);
  return output;
}
