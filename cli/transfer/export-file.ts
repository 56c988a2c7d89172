import { createHash } from "node:crypto";
import { open, rename, rm, type FileHandle } from "node:fs/promises";
import { dirname } from "node:path";
import { AppError } from "../../src/errors.ts";
import { encodeLine, type Line } from "./format.ts";

/** Written at once. */
const PIECE_CHARS = 1024 * 1024;

/**
 * An export while it is written, under another name until it is whole: a file of the wanted name is
 * one that ended well, and it is on the disk.
 */
export class ExportFile implements AsyncDisposable {
  readonly #path: string;
  readonly #file: FileHandle;
  readonly #hash = createHash("sha256");
  #waiting = "";
  #lines = 0;
  #bytes = 0;
  #isWhole = false;

  private constructor(path: string, file: FileHandle) {
    this.#path = path;
    this.#file = file;
  }

  /** @throws invalid_command when there is such a file */
  static async create(path: string): Promise<ExportFile> {
    if (await Bun.file(path).exists())
      throw new AppError(
        "invalid_command",
        `there is a file ${path} already: choose another name, or take it away`,
      );
    // Messages are nobody else's to read.
    return new ExportFile(path, await open(partName(path), "w", 0o600));
  }

  get bytes(): number {
    return this.#bytes;
  }

  async write(line: Line): Promise<void> {
    this.#waiting += `${encodeLine(line)}\n`;
    this.#lines++;
    if (this.#waiting.length >= PIECE_CHARS) await this.#flush();
  }

  /** Closes it with its checksum, and gives it its name. */
  async finish(): Promise<void> {
    await this.#flush();
    const end = encodeLine({ kind: "end", lines: this.#lines, sha256: this.#hash.digest("hex") });
    await this.#file.appendFile(`${end}\n`);
    await this.#file.sync();
    await this.#file.close();
    await rename(partName(this.#path), this.#path);
    const folder = await open(dirname(this.#path), "r");
    await folder.sync();
    await folder.close();
    this.#isWhole = true;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#isWhole) return;
    await this.#file.close();
    await rm(partName(this.#path), { force: true });
  }

  async #flush(): Promise<void> {
    const bytes = Buffer.from(this.#waiting);
    this.#waiting = "";
    this.#hash.update(bytes);
    this.#bytes += bytes.length;
    await this.#file.appendFile(bytes);
  }
}

function partName(path: string): string {
  return `${path}.partial`;
}
