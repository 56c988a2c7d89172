import { AppError } from "../src/errors.ts";
import { momentOf, type Moment } from "../src/ports/clock.ts";
import { parseFrame } from "../src/wire/codec.ts";
import type { Line, Pong } from "../src/wire/read-line.ts";
import { connect } from "./commands/connect.ts";
import { history } from "./commands/history.ts";
import { refresh } from "./commands/refresh.ts";
import { send } from "./commands/send.ts";
import { subscribe } from "./commands/subscribe.ts";
import { unsubscribe } from "./commands/unsubscribe.ts";
import type { Connection } from "./connection.ts";
import type { Gateway } from "./gateway.ts";
import { Intake } from "./intake.ts";

// One array for all frames: a frame is acted on before the next one is parsed.
const lines: Line[] = [];

/** @returns what takes the text frames of the gateway's clients */
export function createReceiver(gateway: Gateway): (connection: Connection, text: string) => void {
  const { clock, limits } = gateway;
  const handle = (connection: Connection, text: string): void => {
    try {
      receive(gateway, connection, text);
    } catch (error) {
      gateway.failed(connection, error);
    }
  };
  const intake = new Intake({ clock, limits, gate: gateway.appendGate, handle });
  return (connection, text) => intake.take(connection, text);
}

function receive(gateway: Gateway, connection: Connection, text: string): void {
  if (connection.closed) return;
  connection.missedHeartbeats = 0;
  const fault = parseFrame(text, gateway.limits, lines);
  if (fault !== undefined) {
    connection.close(fault);
    return;
  }
  if (connection.backlog !== undefined) {
    wait(gateway, connection, lines);
    return;
  }
  const at = momentOf(gateway.clock);
  for (let i = 0; i < lines.length; i++) {
    const line = lines[i] as Line;
    if (line.verb === "connect" && connection.session === undefined) {
      authenticate(gateway, connection, line, lines.slice(i + 1));
      return;
    }
    act(gateway, connection, line, at);
    if (connection.closed) return;
  }
}

/** What comes after `connect` waits until its token has been checked. */
function authenticate(
  gateway: Gateway,
  connection: Connection,
  command: Extract<Line, { verb: "connect" }>,
  rest: readonly Line[],
): void {
  connection.backlog = [];
  connection.begin();
  wait(gateway, connection, rest);
  const goOn = (): void => {
    const backlog = connection.backlog ?? [];
    connection.backlog = undefined;
    const at = momentOf(gateway.clock);
    for (const line of backlog) {
      if (connection.closed) return;
      perform(gateway, connection, line, at);
    }
  };
  connect(gateway, connection, command)
    .then(goOn)
    .catch((error: unknown) => gateway.failed(connection, error));
}

/**
 * Waiting commands count as unanswered, so that the socket is not read beyond the credit. What was
 * read of it already still comes: the bound is for many tiny commands in it.
 */
function wait(gateway: Gateway, connection: Connection, more: readonly Line[]): void {
  const backlog = connection.backlog as Exclude<Line, Pong>[];
  for (const line of more) {
    if (line.verb === "pong") continue;
    backlog.push(line);
    connection.begin();
  }
  if (backlog.length > gateway.limits.backlogCommandsMax) connection.close("overloaded");
}

function act(gateway: Gateway, connection: Connection, line: Line, at: Moment): void {
  if (line.verb === "pong") return;
  connection.begin();
  perform(gateway, connection, line, at);
}

/** Acts on a command that has begun. */
function perform(
  gateway: Gateway,
  connection: Connection,
  line: Exclude<Line, Pong>,
  at: Moment,
): void {
  if (line.verb === "invalid") {
    connection.refuse(line.id, line.error);
    return;
  }
  const { session } = connection;
  if (session === undefined) {
    connection.refuse(line.id, new AppError("not_connected"));
    connection.close("not_connected");
    return;
  }
  switch (line.verb) {
    case "send":
      send(gateway, connection, session, line, at);
      return;
    case "subscribe":
      void subscribe(gateway, connection, session, line);
      return;
    case "unsubscribe":
      unsubscribe(gateway, connection, line);
      return;
    case "history":
      history(gateway, connection, session, line);
      return;
    case "refresh":
      void refresh(gateway, connection, session, line);
      return;
    case "connect":
      connection.refuse(line.id, new AppError("already_connected"));
  }
}
