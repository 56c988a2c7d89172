import type { WriterRequest } from "./log-messages.ts";
import { LogWriter } from "./log-writer.ts";

declare const self: Worker;

const writer = new LogWriter();

self.onmessage = (event: MessageEvent<WriterRequest>) => {
  const request = event.data;
  const reply = writer.handle(request);
  if (request.kind !== "commit") self.postMessage(reply);
  else self.postMessage({ ...reply, buffer: request.buffer }, [request.buffer]);
};
