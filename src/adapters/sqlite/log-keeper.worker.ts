import { yieldToForeground } from "./background.ts";
import { readFault } from "./log-fault.ts";
import { LogKeeper } from "./log-keeper.ts";
import type { KeeperReply, KeeperRequest } from "./log-messages.ts";

declare const self: Worker;

yieldToForeground();

const keeper = new LogKeeper();

function answer(request: KeeperRequest): KeeperReply {
  const { id } = request;
  try {
    // The asker's types tie call and argument together; over a thread's border they are not known.
    const handler = keeper.handlers[request.call] as (ask: unknown) => unknown;
    return { id, answer: handler(request.ask) };
  } catch (error) {
    return { id, fault: readFault(error, "the log") };
  }
}

self.onmessage = (event: MessageEvent<KeeperRequest>) => {
  self.postMessage(answer(event.data));
};
