import { AppError } from "../../src/errors.ts";
import { momentOf, type Moment } from "../../src/ports/clock.ts";
import type { SendCommand } from "../../src/wire/command.ts";
import { encodeReceipt, receiptPlace } from "../../src/wire/reply.ts";
import type { Connection } from "../connection.ts";
import type { Gateway } from "../gateway.ts";
import type { Completion } from "../producer.ts";
import type { Session } from "../session.ts";
import { SOCKET_ENTRY, type Entry } from "../trace/entry.ts";

/** Answers one `send` when its record has an outcome. */
class PendingSend implements Completion {
  readonly #gateway: Gateway;
  readonly #connection: Connection;
  readonly #command: number;
  readonly #key: string;
  readonly #idEnd: string;
  readonly #isReader: boolean;

  constructor(
    gateway: Gateway,
    connection: Connection,
    command: number,
    key: string,
    idEnd: string,
    isReader: boolean,
  ) {
    this.#gateway = gateway;
    this.#connection = connection;
    this.#command = command;
    this.#key = key;
    this.#idEnd = idEnd;
    this.#isReader = isReader;
  }

  /** An accessor, so that no message carries it. */
  get entry(): Entry {
    return SOCKET_ENTRY;
  }

  appended(partition: number, offset: number): void {
    const place = receiptPlace(this.#gateway.durability, partition);
    this.#connection.receipt(this.#command, this.#key, this.#idEnd, place, offset, this.#isReader);
  }

  kept(): void {
    const message = this.#key + this.#idEnd;
    this.#connection.answer(encodeReceipt(this.#command, message, "outbox"));
  }

  failed(error: AppError): void {
    this.#gateway.report(error);
    this.#connection.refuse(this.#command, error);
  }
}

/**
 * `send`: authorizes, spends the rate and hands the message to the log.
 *
 * @param at when its frame came in
 */
export function send(
  gateway: Gateway,
  connection: Connection,
  session: Session,
  command: SendCommand,
  at: Moment,
): void {
  const { conversation } = command;
  const opening = connection.opening?.get(conversation);
  if (opening !== undefined) {
    opening.sends.push(() => send(gateway, connection, session, command, momentOf(gateway.clock)));
    return;
  }
  let { route } = connection;
  if (route === undefined || route.conversation !== conversation) {
    if (!session.grants.allows("send", conversation)) {
      const message = `the token does not allow to send to ${JSON.stringify(conversation)}`;
      connection.refuse(
        command.id,
        new AppError("forbidden", message, { field: "send.conversation" }),
      );
      return;
    }
    route = gateway.ingress.route(session.tenant, session.identity.user, conversation);
    connection.route = route;
  }
  const wait = connection.spend(at.monotonic);
  if (wait > 0) {
    const message = "the connection sends too many messages";
    const detail = { limit: gateway.connectionRate.perSecond, retryAfterMs: wait };
    connection.refuse(command.id, new AppError("rate_limited", message, detail));
    return;
  }
  const id = gateway.ingress.idOf(route, command.key);
  const isReader = connection.readers?.has(conversation) ?? false;
  const pending = new PendingSend(
    gateway,
    connection,
    command.id,
    command.key,
    route.idEnd,
    isReader,
  );
  const refused = gateway.ingress.submit(route, id, command, pending, at);
  if (refused === undefined) return;
  gateway.ingress.countRefused(route.tenant, refused);
  connection.refuse(command.id, refused);
}
