import type { AppError } from "../../src/errors.ts";
import type { Completion } from "../producer.ts";
import type { Route } from "../route.ts";

/** Who is told of chat lines: each exactly once. */
export interface ChatLineObserver {
  chatKept(line: ChatLine, partition: number, offset: number): void;
  chatInOutbox(line: ChatLine): void;
  chatFailed(line: ChatLine, error: AppError): void;
}

/** A `send` of a body, from its submission to its outcome. */
export class ChatLine implements Completion {
  readonly route: Route;
  /** Of the message. */
  readonly id: string;
  readonly line: number;
  readonly chars: number;
  readonly #observer: ChatLineObserver;

  constructor(observer: ChatLineObserver, route: Route, id: string, line: number, chars: number) {
    this.#observer = observer;
    this.route = route;
    this.id = id;
    this.line = line;
    this.chars = chars;
  }

  appended(partition: number, offset: number): void {
    this.#observer.chatKept(this, partition, offset);
  }

  kept(): void {
    this.#observer.chatInOutbox(this);
  }

  failed(error: AppError): void {
    this.#observer.chatFailed(this, error);
  }
}
