import { AppError } from "../../src/errors.ts";
import type { Limits } from "../../src/limits.ts";
import {
  eventTemplate,
  type EventOrigin,
  type EventTemplate,
} from "../../src/wire/event-record.ts";
import type { Ingress } from "../ingress.ts";
import type { Route } from "../route.ts";
import type { Session } from "../session.ts";
import type { OpenTopic } from "./event-topics.ts";
import type { EventTarget } from "./event-writer.ts";

/** Where one type's events of one body go. */
export interface EventRoute {
  readonly type: string;
  readonly template: EventTemplate;
  readonly target: EventTarget;
}

/** Where a body's lines go, worked out once for each conversation and type; bounded. */
export class IngestRoutes {
  readonly #session: Session;
  readonly #ingress: Pick<Ingress, "route">;
  readonly #origin: EventOrigin;
  readonly #max: number;
  readonly #chat = new Map<string, Route | AppError>();
  readonly #events = new Map<string, EventRoute | AppError>();
  /** By topic: types may share one. */
  readonly #targets = new Map<string, EventTarget>();
  #lastChat: Route | undefined;
  #lastEvent: EventRoute | undefined;

  constructor(
    session: Session,
    ingress: Pick<Ingress, "route">,
    origin: EventOrigin,
    limits: Pick<Limits, "ingestRoutesMax">,
  ) {
    this.#session = session;
    this.#ingress = ingress;
    this.#origin = origin;
    this.#max = limits.ingestRoutesMax;
  }

  /** @returns the error of a conversation that the token does not allow to send to */
  chat(conversation: string): Route | AppError {
    if (this.#lastChat?.conversation === conversation) return this.#lastChat;
    let route = this.#chat.get(conversation);
    if (route === undefined) {
      const { grants, tenant, identity } = this.#session;
      route = grants.allows("send", conversation)
        ? this.#ingress.route(tenant, identity.user, conversation)
        : forbidden("send to", conversation, "send.conversation");
      if (this.#chat.size >= this.#max) this.#chat.clear();
      this.#chat.set(route instanceof AppError ? detach(conversation) : route.conversation, route);
    }
    if (!(route instanceof AppError)) this.#lastChat = route;
    return route;
  }

  /** @returns undefined when the type's topic is to be found first: see {@link open} */
  event(type: string): EventRoute | AppError | undefined {
    if (this.#lastEvent?.type === type) return this.#lastEvent;
    const route = this.#events.get(type);
    if (route !== undefined && !(route instanceof AppError)) this.#lastEvent = route;
    if (route !== undefined || this.#session.grants.allows("publish", type)) return route;
    return this.refuse(type);
  }

  open(type: string, topic: OpenTopic): EventRoute {
    let target = this.#targets.get(topic.name);
    if (target === undefined) this.#targets.set(topic.name, (target = { topic, lanes: [] }));
    const own = detach(type);
    const route = { type: own, template: eventTemplate(this.#origin, own), target };
    this.#remember(own, route);
    return route;
  }

  refuse(type: string, error = forbidden("publish events of type", type, "type")): AppError {
    this.#remember(detach(type), error);
    return error;
  }

  #remember(type: string, route: EventRoute | AppError): void {
    if (this.#events.size >= this.#max) this.#events.clear();
    this.#events.set(type, route);
  }
}

function forbidden(what: string, name: string, field: string): AppError {
  const message = `the token does not allow to ${what} ${JSON.stringify(name)}`;
  return new AppError("forbidden", message, { field });
}

/** A copy of its own: a slice would keep the whole chunk that it is of. */
function detach(text: string): string {
  return JSON.parse(JSON.stringify(text)) as string;
}
