import { existsSync } from "node:fs";
import { mkdir, mkdtemp, readdir, rename, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { run } from "../../../scripts/check/run.ts";
import { ensureProgram } from "./apt.ts";
import { progress } from "./control.ts";
import { KAFKA_JARS } from "./kafka-jar-list.ts";

const CENTRAL = "https://repo.maven.apache.org/maven2";
const MAVEN_DEADLINE_MS = 300_000;
const DOWNLOADS_AT_ONCE = 6;
const TRIES = 3;

let found: Promise<string> | undefined;

/**
 * The class path of Kafka. Where the jars are not in the cache folder (`XDG_CACHE_HOME`, else
 * `~/.cache`), Maven brings them, which knows the user's mirrors; without Maven they come straight
 * from Maven Central. Java is installed where it is missing.
 */
export function kafkaClassPath(): Promise<string> {
  found ??= findJars();
  return found;
}

async function findJars(): Promise<string> {
  await ensureProgram({ command: "java", package: "default-jre-headless" });
  // Another list is another folder: what was cached for an older one is not taken for this one.
  const list = new Bun.CryptoHasher("sha256").update(KAFKA_JARS.join("\n")).digest("hex");
  const folder = join(cacheFolder(), `kafka-${list.slice(0, 12)}`);
  if (!existsSync(folder)) await install(folder);
  return join(folder, "*");
}

function cacheFolder(): string {
  return join(process.env["XDG_CACHE_HOME"] ?? join(homedir(), ".cache"), "tidegate");
}

/** Fills a folder beside the real one and renames it, since others may install at the same time. */
async function install(folder: string): Promise<void> {
  await mkdir(cacheFolder(), { recursive: true });
  const half = await mkdtemp(`${folder}-`);
  const started = performance.now();
  try {
    const fault = Bun.which("mvn") === null ? "mvn is not on PATH" : await copyWithMaven(half);
    if (fault !== undefined) {
      progress(`${fault}; downloading ${KAFKA_JARS.length} jars from ${CENTRAL} …`);
      await download(half);
    }
    await rename(half, folder).catch((error: unknown) => {
      if (!existsSync(folder)) throw error;
    });
  } catch (error) {
    const next = "check the network, or start a Kafka and set TIDEGATE_TEST_KAFKA to host:port";
    throw new Error(`Kafka could not be installed; ${next}`, { cause: error });
  } finally {
    await rm(half, { recursive: true, force: true });
  }
  progress(`installed Kafka in ${((performance.now() - started) / 1000).toFixed(1)} s`);
}

/** Returns why it did not work, or undefined. */
async function copyWithMaven(folder: string): Promise<string | undefined> {
  progress(`fetching ${KAFKA_JARS.length} jars of Kafka with Maven …`);
  const work = `${folder}-maven`;
  await mkdir(work);
  try {
    await Bun.write(join(work, "pom.xml"), pom());
    const goal = "org.apache.maven.plugins:maven-dependency-plugin:3.8.1:copy-dependencies";
    const ended = await run(
      ["mvn", "-q", "-B", "-f", join(work, "pom.xml"), goal, `-DoutputDirectory=${folder}`],
      {
        deadlineMs: MAVEN_DEADLINE_MS,
        onProgress: (seconds) => progress(`still fetching with Maven (${seconds.toFixed(0)} s)`),
      },
    );
    const jars = (await readdir(folder)).length;
    if (ended.exitCode === 0 && jars === KAFKA_JARS.length) return undefined;
    return `Maven brought ${jars} of ${KAFKA_JARS.length} jars:\n${ended.output.slice(-2_000)}`;
  } finally {
    await rm(work, { recursive: true, force: true });
  }
}

function pom(): string {
  const dependencies = KAFKA_JARS.map((jar) => {
    const [group, artifact, version] = jar.split(":");
    return `<dependency><groupId>${group}</groupId><artifactId>${artifact}</artifactId><version>${version}</version>
<exclusions><exclusion><groupId>*</groupId><artifactId>*</artifactId></exclusion></exclusions></dependency>`;
  });
  return `<project xmlns="http://maven.apache.org/POM/4.0.0"><modelVersion>4.0.0</modelVersion>
<groupId>tidegate</groupId><artifactId>services</artifactId><version>1</version>
<dependencies>${dependencies.join("\n")}</dependencies></project>\n`;
}

async function download(folder: string): Promise<void> {
  const left = [...KAFKA_JARS];
  const worker = async () => {
    for (let jar = left.pop(); jar !== undefined; jar = left.pop()) await downloadJar(jar, folder);
  };
  await Promise.all(Array.from({ length: DOWNLOADS_AT_ONCE }, worker));
}

/** Checked against the SHA-1 that lies beside it, as Maven does. */
async function downloadJar(jar: string, folder: string): Promise<void> {
  const [group = "", artifact = "", version = ""] = jar.split(":");
  const name = `${artifact}-${version}.jar`;
  const url = `${CENTRAL}/${group.replaceAll(".", "/")}/${artifact}/${version}/${name}`;
  const bytes = await get(url);
  const wanted = new TextDecoder()
    .decode(await get(`${url}.sha1`))
    .trim()
    .slice(0, 40);
  const actual = new Bun.CryptoHasher("sha1").update(bytes).digest("hex");
  if (actual !== wanted) throw new Error(`${url} has SHA-1 ${actual} and not ${wanted}`);
  await Bun.write(join(folder, name), bytes);
}

async function get(url: string): Promise<Uint8Array> {
  for (let attempt = 1; ; attempt += 1) {
    try {
      const response = await fetch(url, { signal: AbortSignal.timeout(120_000) });
      if (!response.ok) throw new Error(`${url} answers ${response.status}`);
      return await response.bytes();
    } catch (error) {
      if (attempt === TRIES) throw error;
    }
  }
}
