import { textFrame } from "../native/frame.ts";
import { type Address, NativeSocket } from "../native/socket.ts";
import type { Json } from "./link.ts";

/** A connection for single questions. */
export interface Probe extends AsyncDisposable {
  ask(verb: string, body: Json): Promise<Json>;
}

/** Connects and authenticates. */
export async function open(address: Address, token: string): Promise<Probe> {
  const waiting = new Map<number, PromiseWithResolvers<Json>>();
  let nextId = 1;
  let ended: Error | undefined;
  const socket = await NativeSocket.open(address, {
    text: (bytes, start, end) => {
      for (const text of bytes.toString("utf8", start, end).split("\n")) {
        const line = JSON.parse(text) as Json;
        waiting.get(Number(line["id"]))?.resolve(line);
      }
    },
    turn: () => undefined,
    closed: (code, reason) => {
      ended = new Error(`closed with ${code} ${reason}`);
      for (const answer of waiting.values()) answer.reject(ended);
    },
  });
  const ask = async (verb: string, body: Json): Promise<Json> => {
    if (ended !== undefined) throw ended;
    const id = nextId++;
    const answer = Promise.withResolvers<Json>();
    waiting.set(id, answer);
    socket.write(textFrame(JSON.stringify({ id, [verb]: body })));
    const reply = await answer.promise;
    waiting.delete(id);
    if (reply[verb] === undefined)
      throw new Error(`${verb} was answered by ${JSON.stringify(reply)}`);
    return reply[verb] as Json;
  };
  await ask("connect", { token, client: "probe/1" });
  return {
    ask,
    [Symbol.asyncDispose]: async () => socket.terminate(),
  };
}

/** The end of a conversation as the server has it. */
export async function headOf(
  probe: Probe,
  conversation: string,
): Promise<{ head: number; epoch: string }> {
  const reply = await probe.ask("history", { conversation, limit: 1 });
  return { head: Number(reply["head"]), epoch: String(reply["epoch"]) };
}
