import type { EventItem, Sending } from "../../../src/client/tidegate.ts";
import { hueOf, makeAvatar } from "./avatar.ts";
import { make } from "./dom.ts";
import { isEmojiOnly } from "./links.ts";
import { makeRichText } from "./rich-text.ts";
import { dayText, fullTimeText, sameDay, timeText } from "./times.ts";

const GROUP_MS = 5 * 60_000;

/** What the page writes into a message's content, and the JSON of what others did. */
function textOf(content: object): { text: string; raw: boolean } {
  const { text } = content as { text?: unknown };
  if (typeof text === "string") return { text, raw: false };
  return { text: JSON.stringify(content, undefined, 1), raw: true };
}

function makeBubble(content: object): HTMLElement {
  const { text, raw } = textOf(content);
  const bubble = make("div", "bubble", makeRichText(text));
  if (raw) bubble.classList.add("raw");
  if (isEmojiOnly(text)) bubble.classList.add("jumbo");
  return bubble;
}

function makeState(state: "kept" | "waiting" | "failed", label: string): HTMLElement {
  const signs = { kept: "✓", waiting: "◷", failed: "!" };
  const mark = make("span", "state", signs[state]);
  mark.dataset["state"] = state;
  mark.role = "img";
  mark.ariaLabel = label;
  mark.title = label;
  return mark;
}

/** Where a message stands among its neighbours. */
export interface MessageContext {
  readonly user: string;
  readonly before: EventItem | undefined;
  /** The reader has seen everything before this one, and not this one. */
  readonly firstUnread: boolean;
}

/** One placed message, with the dividers that belong before it. */
export function makeMessage(item: EventItem, context: MessageContext): HTMLElement {
  const { event } = item;
  const { before, user } = context;
  const own = event.sender === user;
  const newDay = !before || !sameDay(before.event.timestamp, event.timestamp);
  const grouped =
    !newDay &&
    !context.firstUnread &&
    before.event.sender === event.sender &&
    event.timestamp - before.event.timestamp < GROUP_MS;
  const row = make("li");
  row.dataset["seq"] = String(item.seq);
  if (newDay) row.append(make("div", "divider", dayText(event.timestamp)));
  if (context.firstUnread) row.append(make("div", "divider new", "New messages"));
  const message = make("div", `message${own ? " own" : ""}${grouped ? "" : " first"}`);
  message.style.setProperty("--hue", String(hueOf(event.sender)));
  if (!own && !grouped)
    message.append(makeAvatar(event.sender), make("div", "byline", event.sender));
  const bubble = makeBubble(event.content);
  const time = make("time", "", timeText(event.timestamp));
  time.dateTime = new Date(event.timestamp).toISOString();
  time.title = fullTimeText(event.timestamp);
  const meta = make("span", "meta", time);
  if (own) meta.append(makeState("kept", "Kept on disk"));
  bubble.append(meta);
  message.append(bubble);
  row.append(message);
  return row;
}

export interface PendingView {
  readonly row: HTMLElement;
  kept(): void;
  failed(reason: string, retry: () => void, discard: () => void): void;
}

/** A message of one's own that has no place yet. */
export function makePending(sending: Sending): PendingView {
  const message = make("div", "message own first waiting");
  const bubble = makeBubble(sending.content);
  const meta = make("span", "meta", makeState("waiting", "Waiting to be sent"));
  bubble.append(meta);
  message.append(bubble);
  const row = make("li", "", message);
  row.dataset["key"] = sending.key;
  return {
    row,
    kept() {
      message.classList.remove("waiting");
      meta.replaceChildren(makeState("kept", "Kept on disk"));
    },
    failed(reason, retry, discard) {
      message.classList.replace("waiting", "failed");
      meta.replaceChildren(makeState("failed", "Not sent"));
      const again = make("button", "", "Try again");
      const drop = make("button", "", "Discard");
      again.type = drop.type = "button";
      again.addEventListener("click", retry);
      drop.addEventListener("click", discard);
      const failure = make("div", "failure", `Not sent: ${reason}.`, again, drop);
      failure.role = "alert";
      row.append(failure);
    },
  };
}

/** What a screen reader says of a new message. */
export function spokenText({ event }: EventItem): string {
  return `${event.sender}: ${textOf(event.content).text.slice(0, 300)}`;
}
