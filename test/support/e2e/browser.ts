import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  chromium,
  type BrowserContext,
  type BrowserContextOptions,
  type Page,
} from "playwright-core";

const ARGS = [
  "--no-sandbox",
  "--disable-gpu",
  "--disable-quic",
  "--no-first-run",
  "--disable-background-networking",
  "--disable-component-update",
  "--disable-sync",
];
const NAMES = ["chromium", "chromium-browser", "google-chrome"];

/** One person's browser, with a folder of its own. */
export interface Window {
  readonly page: Page;
  readonly context: BrowserContext;
  /** What went wrong in the page: errors, refused resources, breaches of its policy. */
  readonly faults: string[];
  [Symbol.asyncDispose](): Promise<void>;
}

/** Chromium's path, or undefined where there is none. */
function findChromium(): string | undefined {
  for (const name of NAMES) {
    const path = Bun.which(name);
    if (path !== null) return path;
  }
  return undefined;
}

export async function openWindow(options: BrowserContextOptions = {}): Promise<Window> {
  const executablePath = findChromium();
  if (executablePath === undefined) throw new Error("There is no Chromium on the PATH");
  const folder = await mkdtemp(join(tmpdir(), "tidegate-chromium-"));
  const viewport = { width: 1_100, height: 700 };
  const context = await chromium.launchPersistentContext(folder, {
    executablePath,
    headless: true,
    args: ARGS,
    viewport,
    ...options,
  });
  const page = context.pages()[0] ?? (await context.newPage());
  const faults: string[] = [];
  page.on("pageerror", (error) => faults.push(error.message));
  page.on("console", (message) => {
    // A gateway that is away is part of some tests.
    const away = /ERR_CONNECTION_REFUSED|ERR_INTERNET_DISCONNECTED|WebSocket connection/;
    if (message.type() === "error" && !away.test(message.text())) faults.push(message.text());
  });
  return {
    page,
    context,
    faults,
    async [Symbol.asyncDispose]() {
      await context.close();
      await rm(folder, { recursive: true, force: true, maxRetries: 5 });
    },
  };
}
