/** One process of a fleet: a generator that does what it is told over the channel to its parent. */
import { RunKey } from "../token.ts";
import type { Churn } from "./churn.ts";
import { EchoProtocol } from "./echo.ts";
import { Generator, type Measured } from "./generator.ts";
import { RunNames } from "./key.ts";
import type { Answer, Answers, Order, ProtocolName } from "./orders.ts";
import type { Protocol } from "./protocol.ts";
import { SocketIoProtocol } from "./socketio/member.ts";
import { TidegateProtocol } from "./tidegate.ts";

const PROTOCOLS: Readonly<Record<ProtocolName, (names: RunNames) => Protocol>> = {
  tidegate: (names) => new TidegateProtocol(names),
  socketio: (names) => new SocketIoProtocol(names),
  echo: (names) => new EchoProtocol(names),
};

let current: Generator | undefined;
let churn: Churn | undefined;
let marked: Measured & { readonly at: number } = {
  seconds: 0,
  sent: 0,
  acked: 0,
  delivered: 0,
  at: 0,
};

process.on("message", (order: Order) => {
  void obey(order).then(
    (value) => process.send?.({ value } satisfies Answer),
    (error: unknown) => process.send?.({ error: Bun.inspect(error) } satisfies Answer),
  );
});
// The parent is gone: nobody would read the figures.
process.on("disconnect", () => process.exit(0));

async function obey(order: Order): Promise<Answers[keyof Answers]> {
  if (order.kind === "target") {
    const { protocol, addresses, key } = order.target;
    const tokens = key === undefined ? undefined : new RunKey(key);
    const names = new RunNames();
    current = new Generator(
      {
        addresses,
        names,
        firstMember: order.firstMember,
        // Nothing that can be ordered reads a room from its start.
        forgets: true,
        token: (user, tenant) => tokens?.token(user, tenant) ?? "",
      },
      PROTOCOLS[protocol](names),
    );
    return undefined;
  }
  if (current === undefined) throw new Error("there is no target yet");
  return act(order, current);
}

async function act(
  order: Exclude<Order, { kind: "target" }>,
  generator: Generator,
): Promise<Answers[keyof Answers]> {
  switch (order.kind) {
    case "connect":
      await generator.connect(order.layout);
      return undefined;
    case "start":
      generator.start(order.pace);
      return undefined;
    case "churn":
      churn = generator.churn(order.share);
      return undefined;
    case "mark":
      marked = { ...generator.mark(), at: performance.now() };
      return undefined;
    case "count": {
      const { sent, acked, delivered } = generator.ledger;
      const measured = {
        seconds: (performance.now() - marked.at) / 1000,
        sent: sent - marked.sent,
        acked: acked - marked.acked,
        delivered: delivered - marked.delivered,
      };
      generator.ledger.timeUntil(performance.now());
      return measured;
    }
    case "settle":
      await generator.settle(undefined, order.isPatient);
      return { ledger: generator.ledger.parts(), reconnects: churn?.reconnects ?? 0 };
    case "close":
      generator.close();
      return undefined;
  }
}
