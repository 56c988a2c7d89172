import { createHash } from "node:crypto";
import { createReadStream } from "node:fs";
import { AppError } from "../../src/errors.ts";
import { decodeLine, type HeaderLine, type Line } from "./format.ts";

const LINE_FEED = 10;
/** A line beyond it is none that was exported. */
const LINE_BYTES_MAX = 64 * 1024 * 1024;

/** What a file holds, by tenant. */
export interface Contents {
  readonly header: HeaderLine;
  readonly tenants: ReadonlyMap<
    string,
    { readonly conversations: number; readonly events: number }
  >;
}

/**
 * The lines of an export up to its last one.
 * @throws invalid_command with the line's number, for a file that is damaged or ends too early
 */
export async function* readLines(path: string): AsyncGenerator<Line> {
  const hash = createHash("sha256");
  let number = 0;
  let ended = false;
  for await (const bytes of rawLines(path)) {
    number++;
    if (ended) throw damaged(path, number, "there is more behind the end");
    let line: Line;
    try {
      line = decodeLine(decode(bytes));
    } catch (error) {
      throw damaged(path, number, error instanceof Error ? error.message : String(error));
    }
    if (number === 1 && line.kind !== "header")
      throw damaged(path, number, "it is no export of Tidegate");
    if (line.kind !== "end") {
      hash.update(bytes).update("\n");
      yield line;
      continue;
    }
    if (line.lines !== number - 1) throw damaged(path, number, "lines are missing");
    if (line.sha256 !== hash.digest("hex"))
      throw damaged(path, number, "its bytes are not those that were exported");
    ended = true;
  }
  if (!ended) throw damaged(path, number, "the file ends here, which an export does not");
}

/** Reads all of a file before anything is done with it. @throws invalid_command */
export async function checkFile(path: string): Promise<Contents> {
  let header: HeaderLine | undefined;
  const tenants = new Map<string, { conversations: number; events: number }>();
  let open: { name: string; conversations: number; events: number } | undefined;
  let number = 0;
  for await (const line of readLines(path)) {
    number++;
    if (line.kind === "header") header = line;
    else if (line.kind === "tenant") {
      if (open !== undefined || tenants.has(line.name))
        throw damaged(path, number, "a tenant begins where none may");
      open = { name: line.name, conversations: 0, events: 0 };
    } else if (open === undefined) throw damaged(path, number, "it belongs to no tenant");
    else if (line.kind === "conversation") open.conversations++;
    else if (line.kind === "event") open.events++;
    else if (line.kind === "totals") {
      const { name, conversations, events } = open;
      if (conversations !== line.conversations || events !== line.events)
        throw damaged(path, number, `${name} has not what it is said to have`);
      tenants.set(name, { conversations, events });
      open = undefined;
    }
  }
  if (header === undefined || open !== undefined || tenants.size !== header.tenants.length)
    throw damaged(path, number, "tenants are missing");
  return { header, tenants };
}

async function* rawLines(path: string): AsyncGenerator<Buffer> {
  let rest: Buffer[] = [];
  let waiting = 0;
  for await (const chunk of createReadStream(path) as AsyncIterable<Buffer>) {
    let from = 0;
    for (let at = chunk.indexOf(LINE_FEED); at >= 0; at = chunk.indexOf(LINE_FEED, from)) {
      const piece = chunk.subarray(from, at);
      yield rest.length === 0 ? piece : Buffer.concat([...rest, piece]);
      rest = [];
      waiting = 0;
      from = at + 1;
    }
    if (from === chunk.length) continue;
    rest.push(chunk.subarray(from));
    waiting += chunk.length - from;
    if (waiting > LINE_BYTES_MAX)
      throw new AppError("invalid_command", `${path} has a line that is too long`);
  }
  // A last line without its break was cut off.
  if (rest.length > 0) yield Buffer.concat(rest);
}

const decoder = new TextDecoder("utf-8", { fatal: true, ignoreBOM: true });

function decode(bytes: Uint8Array): string {
  try {
    return decoder.decode(bytes);
  } catch {
    throw new AppError("invalid_command", "it is no UTF-8");
  }
}

function damaged(path: string, line: number, why: string): AppError {
  return new AppError("invalid_command", `${path}, line ${line}: ${why}`);
}
