import type { WriterRequest } from "./log-messages.ts";
import { LogWriter } from "./log-writer.ts";

declare const self: Worker;

const writer = new LogWriter();

self.onmessage = (event: MessageEvent<WriterRequest>) => {
  self.postMessage(writer.handle(event.data));
};
