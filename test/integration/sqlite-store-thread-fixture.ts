/** A thread that echoes, and ends when it is told to, with whatever waits for it. */
import { answer, type ThreadRequest } from "../../src/adapters/sqlite/thread-message.ts";

const api = {
  echo: (value: string): string => value,
  fail: (): never => {
    throw new Error("failed on purpose");
  },
  exit: (): void => process.exit(),
};

export type EchoApi = typeof api;

declare const self: Worker;
self.addEventListener("message", (event: MessageEvent<ThreadRequest>) => {
  self.postMessage(answer(api, event.data));
});
