import type { DeadLetterBody, DeadLetterDetailBody } from "../../../../src/wire/admin.ts";
import { byId, make } from "../dom.ts";
import type { AdminApi } from "./api.ts";
import { span } from "./format.ts";
import { table } from "./table.ts";

/** Dead letters: a list with its older ones on demand, one of them in full, and sending it again. */
export class Letters {
  readonly #api: AdminApi;
  readonly #list = byId("letters", HTMLElement);
  readonly #more = byId("letters-more", HTMLButtonElement);
  readonly #note = byId("letters-note", HTMLElement);
  readonly #dialog = byId("letter", HTMLDialogElement);
  readonly #body = byId("letter-body", HTMLElement);
  #letters: readonly DeadLetterBody[] = [];
  #next: string | undefined;
  /** Pages that are shown; all of them are read anew. */
  #pages = 1;
  #busy = false;
  /** Whether somebody asked while they were read. */
  #again = false;
  /** Whether the note says that they cannot be read. */
  #failed = false;
  /** Where a trace is shown, with {trace} for its id. */
  traceUrl: string | undefined;

  constructor(api: AdminApi) {
    this.#api = api;
    byId("letters-refresh", HTMLButtonElement).onclick = () => void this.refresh();
    byId("letter-close", HTMLButtonElement).onclick = () => this.#dialog.close();
    this.#more.onclick = () => {
      this.#pages++;
      void this.refresh();
    };
  }

  /** Letters among those shown that could be sent again, and were not. */
  get waiting(): number {
    return this.#letters.filter(
      ({ redriven, obstacle }) => redriven === undefined && obstacle === undefined,
    ).length;
  }

  /** Reads again all that are shown. */
  async refresh(): Promise<void> {
    this.#again = true;
    if (this.#busy) return;
    this.#busy = true;
    try {
      while (this.#again) {
        this.#again = false;
        await this.#load();
      }
      if (this.#failed) this.#say("good", "");
      this.#failed = false;
    } catch (error) {
      this.#failed = true;
      this.#say("bad", `They cannot be read: ${messageOf(error)}`);
    } finally {
      this.#busy = false;
    }
  }

  async #load(): Promise<void> {
    const letters: DeadLetterBody[] = [];
    let next: string | undefined;
    for (let page = 0; page < this.#pages; page++) {
      const found = await this.#api.letters(next);
      letters.push(...found.letters);
      next = found.next;
      if (next === undefined) break;
    }
    this.#letters = letters;
    this.#next = next;
    this.#show();
  }

  #show(): void {
    const rows = this.#letters.map((letter) => {
      const inspect = make("button", "quiet", "Inspect");
      inspect.type = "button";
      inspect.onclick = () => void this.#inspect(letter.id);
      return [
        [make("code", "", letter.id)],
        letter.kept === undefined ? "" : span(Date.now() - letter.kept),
        letter.pool,
        [make("strong", "", letter.reason.split(":")[0] ?? "")],
        letter.tenant,
        letter.origin,
        [stateOf(letter)],
        [inspect, " ", this.#redriveButton(letter)],
      ];
    });
    const heads = ["letter", "age", "pool", "reason", "tenant", "origin", "state"];
    this.#list.replaceChildren(
      table(
        [...heads.map((head) => ({ head })), { head: "", isNumber: true }],
        rows,
        "None. What cannot be processed is kept here, with its story.",
      ),
    );
    this.#more.hidden = this.#next === undefined;
  }

  #redriveButton(letter: DeadLetterBody): HTMLButtonElement {
    const isAgain = letter.redriven !== undefined;
    const button = make("button", isAgain ? "quiet" : "primary", isAgain ? "Again" : "Redrive");
    button.type = "button";
    button.disabled = letter.obstacle !== undefined;
    if (letter.obstacle !== undefined) button.title = letter.obstacle;
    button.onclick = () => {
      button.disabled = true;
      void this.#redrive(letter, isAgain);
    };
    return button;
  }

  async #redrive({ id }: DeadLetterBody, again: boolean): Promise<void> {
    this.#dialog.close();
    try {
      const { topic, partition, offset, marked } = await this.#api.redrive(id, again);
      const note = marked ? "" : " It could not be marked: another redrive will not be told.";
      this.#say("good", `${id} was sent again: ${topic}/${partition}/${offset}.${note}`);
    } catch (error) {
      this.#say("bad", `${id} was not sent again: ${messageOf(error)}`);
    }
    await this.refresh();
  }

  async #inspect(id: string): Promise<void> {
    try {
      const letter = await this.#api.letter(id);
      this.#body.replaceChildren(...this.#detail(letter));
      this.#dialog.showModal();
    } catch (error) {
      this.#say("bad", `${id} cannot be read: ${messageOf(error)}`);
    }
  }

  #detail(letter: DeadLetterDetailBody): HTMLElement[] {
    const time = (at: number | undefined): string =>
      at === undefined ? "not known" : new Date(at).toISOString();
    const rows: readonly (readonly [string, string])[] = [
      ["Letter", letter.id],
      ["Reason", letter.reason],
      ["Origin", letter.origin],
      ["Pool", letter.pool],
      ["Attempts", String(letter.attempts)],
      ["Tenant", letter.tenant === "" ? "not known" : letter.tenant],
      ["Kept", time(letter.kept)],
      ["Trace", letter.trace ?? "none carried: tidegate explain names it"],
      ["Key", letter.key],
      ...(letter.redriven === undefined ? [] : ([["Redriven", time(letter.redriven)]] as const)),
      ...(letter.obstacle === undefined ? [] : ([["Why not again", letter.obstacle]] as const)),
    ];
    const list = make("dl");
    for (const [name, value] of rows)
      list.append(
        make("dt", "", name),
        make("dd", "", value === letter.trace ? this.#traceLink(value) : value),
      );
    const headers = Object.entries(letter.headers)
      .map(([name, value]) => `${name}: ${value}`)
      .join("\n");
    const cut = letter.value_chars > letter.value.length;
    const length = `${letter.value_chars} characters${cut ? ", cut" : ""}`;
    return [
      list,
      ...(headers === "" ? [] : [make("h2", "", "Headers"), make("pre", "", headers)]),
      make("h2", "", "Value ", make("small", "", length)),
      make("pre", "value", readable(letter.value)),
      this.#redriveButton(letter),
    ];
  }

  /** A link to the trace, where it is known where traces are shown. */
  #traceLink(traceparent: string): string | HTMLElement {
    const id = /^00-([0-9a-f]{32})-/.exec(traceparent)?.[1];
    const address = id && this.traceUrl?.replace("{trace}", id);
    if (address === undefined || !/^https?:\/\//.test(address)) return traceparent;
    const link = make("a", "", traceparent);
    link.href = address;
    link.target = "_blank";
    link.rel = "noopener";
    return link;
  }

  #say(tone: "good" | "bad", text: string): void {
    this.#note.className = `note ${tone}`;
    this.#note.textContent = text;
  }
}

function stateOf({ redriven, obstacle }: DeadLetterBody): HTMLElement {
  if (redriven !== undefined)
    return make("span", "badge good", `redriven ${span(Date.now() - redriven)} ago`);
  if (obstacle !== undefined) return make("span", "badge", "cannot be sent as it is");
  return make("span", "badge warn", "waits");
}

/** JSON with its members on lines of their own; everything else as it is. */
function readable(value: string): string {
  try {
    return JSON.stringify(JSON.parse(value), null, 2);
  } catch {
    // Cut, or no JSON at all: the text itself is what there is to see.
    return value;
  }
}

const messageOf = (error: unknown): string =>
  error instanceof Error ? error.message : String(error);
