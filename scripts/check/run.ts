export interface Ended {
  readonly exitCode: number;
  readonly output: string;
  readonly seconds: number;
}

interface RunOptions {
  readonly env?: Record<string, string>;
  /** The process is killed after this time, and has failed. */
  readonly deadlineMs: number;
  /** Called now and then while the process runs, so that a long step is not silent. */
  readonly onProgress: (seconds: number) => void;
}

const PROGRESS_EVERY_MS = 20_000;
const OUTPUT_CHARS_MAX = 4_000_000;

/** Runs one command to its end and keeps what it printed, both streams in one text. */
export async function run(command: readonly string[], options: RunOptions): Promise<Ended> {
  const started = performance.now();
  const seconds = (): number => (performance.now() - started) / 1000;
  const child = Bun.spawn([...command], {
    env: { ...process.env, ...options.env },
    stdio: ["ignore", "pipe", "pipe"],
  });
  let late = false;
  const progress = setInterval(() => options.onProgress(seconds()), PROGRESS_EVERY_MS);
  const deadline = setTimeout(() => {
    late = true;
    child.kill("SIGKILL");
  }, options.deadlineMs);
  try {
    const [stdout, stderr, code] = await Promise.all([
      collect(child.stdout),
      collect(child.stderr),
      child.exited,
    ]);
    const note = late ? `\nkilled: not done after ${options.deadlineMs / 1000} s\n` : "";
    return { exitCode: late ? 124 : code, output: stdout + stderr + note, seconds: seconds() };
  } finally {
    clearInterval(progress);
    clearTimeout(deadline);
  }
}

/** The text of a stream; of a very long one the end, where failures and counts are. */
async function collect(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const chunk of stream) {
    text += decoder.decode(chunk, { stream: true });
    if (text.length > 2 * OUTPUT_CHARS_MAX) text = text.slice(-OUTPUT_CHARS_MAX);
  }
  return text + decoder.decode();
}
