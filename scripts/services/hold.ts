import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { z } from "zod";

/** What `test/support/services/host.ts` prints. */
export const heldServicesSchema = z.object({
  /** Gone when everything of it is. */
  folder: z.string(),
  /** Settings of Tidegate that lead to the services. */
  settings: z.record(z.string(), z.string()),
});

export type HeldServices = z.infer<typeof heldServicesSchema>;

export interface Held {
  readonly services: HeldServices;
  /** Ends them; resolves when nothing is left of them. */
  release(): Promise<void>;
}

const HOST = join(dirname(dirname(import.meta.dir)), "test/support/services/host.ts");
const GONE_DEADLINE_MS = 30_000;
const POLL_MS = 50;

/**
 * Starts services in a process of their own: as long as this one lives (`attached`), or until they
 * are told to end (`detached`). Its lines of progress go to this one's error stream. Resolves with
 * an error when they could not be started.
 */
export async function holdServices(
  args: readonly string[],
  how: "attached" | "detached",
): Promise<Held | Error> {
  const host = Bun.spawn([process.execPath, HOST, ...args], {
    stdin: how === "attached" ? "pipe" : "ignore",
    stdout: "pipe",
    stderr: "pipe",
    detached: how === "detached",
  });
  const errors = relay(host.stderr);
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of host.stdout) {
    text += decoder.decode(part, { stream: true });
    if (text.includes("\n")) break;
  }
  if (!text.includes("\n")) {
    return new Error(
      (await errors).slice(-4_000) || `the services ended with ${await host.exited}`,
    );
  }
  const services = heldServicesSchema.parse(JSON.parse(text));
  return {
    services,
    async release() {
      await host.stdin?.end();
      await host.exited;
      await whenGone(services.folder);
    },
  };
}

/** Whether the folder of services is gone, as soon as it is. */
export async function whenGone(folder: string): Promise<boolean> {
  const started = performance.now();
  while (existsSync(folder)) {
    if (performance.now() - started > GONE_DEADLINE_MS) return false;
    await Bun.sleep(POLL_MS);
  }
  return true;
}

async function relay(stream: ReadableStream<Uint8Array>): Promise<string> {
  const decoder = new TextDecoder();
  let text = "";
  for await (const part of stream) {
    const more = decoder.decode(part, { stream: true });
    text += more;
    process.stderr.write(more);
  }
  return text;
}
