import { AppError } from "../errors.ts";
import type { Limits } from "../limits.ts";
import type { SendCommand } from "./command.ts";
import { lineTooLong, readIngestLine, type EventLine } from "./event-line.ts";
import { scanEvent } from "./event-scan.ts";
import { exceedsBytes } from "./name.ts";
import { scanNamelessSend, scanSend } from "./send-scan.ts";

const BLANK = /^[ \t\r]*$/;
const NOTHING = new AppError("invalid_event");

/**
 * Reads the lines of a body one after the other, into fields of its own: an object for each line
 * would cost more than reading it.
 */
export class IngestScanner {
  /** What the last line was. */
  kind: "send" | "publish" | "blank" | "fault" = "blank";
  /** Of a line of the kind `publish`. */
  readonly event: EventLine = { type: "", key: "", id: "", timestamp: "", payload: "" };
  /** Of a line of the kind `send`. */
  command: Omit<SendCommand, "verb" | "id"> | undefined;
  /** Of a line of the kind `fault`. */
  fault: AppError = NOTHING;
  readonly #limits: Limits;
  readonly #commands = { push: (command: SendCommand) => (this.command = command) };

  constructor(limits: Limits) {
    this.#limits = limits;
  }

  /** Reads the line at `at`. @returns where it ends: a line feed, or the text's end */
  scan(text: string, at: number): number {
    const limits = this.#limits;
    // Which kind of line it is shows in the first letter of its first name.
    const isSend = text.charCodeAt(at + 2) === 115;
    let end = isSend
      ? scanNamelessSend(text, at, limits, this.#commands)
      : scanEvent(text, at, limits, this.event);
    if (end >= 0) this.kind = isSend ? "send" : "publish";
    else {
      end = scanSend(text, at, limits, this.#commands);
      if (end < 0) return this.#read(text, at);
      this.kind = "send";
    }
    const bytesMax = limits.ingestLineBytesMax;
    if ((end - at) * 3 > bytesMax && exceedsBytes(text.slice(at, end), bytesMax))
      this.#refuse(lineTooLong(bytesMax));
    return end;
  }

  #read(text: string, at: number): number {
    const limits = this.#limits;
    const found = text.indexOf("\n", at);
    const end = found < 0 ? text.length : found;
    const line = text.slice(at, end);
    if (exceedsBytes(line, limits.ingestLineBytesMax))
      this.#refuse(lineTooLong(limits.ingestLineBytesMax));
    else if (BLANK.test(line)) this.kind = "blank";
    else {
      const read = readIngestLine(line, limits);
      if (read instanceof AppError) this.#refuse(read);
      else if (read.verb === "send") {
        this.kind = "send";
        this.command = read.command;
      } else {
        this.kind = "publish";
        Object.assign(this.event, read.event);
      }
    }
    return end;
  }

  #refuse(error: AppError): void {
    this.kind = "fault";
    this.fault = error;
  }
}
