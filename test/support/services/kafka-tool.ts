import { rm } from "node:fs/promises";
import { join } from "node:path";
import { serviceFolder } from "./guard.ts";
import { kafkaClassPath } from "./kafka-jars.ts";
import { ServiceProcess } from "./service-process.ts";

export interface ToolResult {
  readonly exitCode: number;
  /** Both streams. */
  readonly output: string;
}

/** For a JVM that starts fast and takes little, at the price of what it can do in the long run. */
export const FAST_FLAGS: readonly string[] = ["-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC"];

const TOOL_DEADLINE_MS = 120_000;

export function javaCommand(
  classPath: string,
  flags: readonly string[],
  mainClass: string,
  args: readonly string[],
): readonly string[] {
  const log = "-Dorg.slf4j.simpleLogger.defaultLogLevel=warn";
  return ["java", ...flags, log, "-cp", classPath, mainClass, ...args];
}

/** Runs one of Kafka's command-line tools to its end, or kills it after two minutes. */
export async function runKafkaTool(
  mainClass: string,
  args: readonly string[],
): Promise<ToolResult> {
  const folder = serviceFolder("tool");
  const flags = ["-Xmx256m", ...FAST_FLAGS];
  const command = javaCommand(await kafkaClassPath(), flags, mainClass, args);
  const tool = new ServiceProcess({ args: command, folder });
  try {
    await tool.start();
    const deadline = setTimeout(() => void tool.stop(), TOOL_DEADLINE_MS);
    const exitCode = await tool.ended;
    clearTimeout(deadline);
    return { exitCode, output: await Bun.file(join(folder, "log")).text() };
  } finally {
    await tool.stop();
    await rm(folder, { recursive: true, force: true });
  }
}
