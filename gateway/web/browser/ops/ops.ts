import type { Overview } from "../../../../src/wire/admin.ts";
import { byId, make } from "../dom.ts";
import { AdminApi, ApiError } from "./api.ts";
import { count, many, seconds, short } from "./format.ts";
import { forgetKey, keepKey, keptKey } from "./key.ts";
import { Letters } from "./letters.ts";
import { Meter, type Moment } from "./meter.ts";
import {
  auditorPanel,
  lagPanel,
  outagesPanel,
  processesPanel,
  stagesPanel,
  tenantsPanel,
} from "./panels.ts";
import { Plot, type PlotPoint } from "./plot.ts";
import { problemsOf, type OpsProblem } from "./problems.ts";
import { quantile } from "./quantile.ts";
import { watchTheme } from "./theme.ts";
import { END_TO_END, tiles } from "./tiles.ts";

const LOOK_MS = 1_000;
const SPAN_MS = 300_000;
const LETTERS_EVERY_LOOKS = 5;
const PARTS = [0.5, 0.95, 0.99] as const;

/** The board of one signed-in window: looks every second, draws what it saw. */
class Board {
  readonly #api: AdminApi;
  readonly #letters: Letters;
  readonly #meter = new Meter();
  readonly #throughput = new Plot({
    title: "Messages a second",
    lines: [
      { label: "accepted", tone: "one" },
      { label: "placed", tone: "two-tone" },
      { label: "delivered", tone: "three-tone" },
    ],
    spanMs: SPAN_MS,
    format: count,
    axis: short,
  });
  readonly #latency = new Plot({
    title: "End to end latency",
    lines: [
      { label: "p50", tone: "one" },
      { label: "p95", tone: "two-tone" },
      { label: "p99", tone: "three-tone" },
    ],
    spanMs: SPAN_MS,
    format: seconds,
    axis: seconds,
    isLog: true,
  });
  /** Of the last minutes, oldest first. */
  #moments: Moment[] = [];
  #throughputs: PlotPoint[] = [];
  #latencies: PlotPoint[] = [];
  #looks = 0;
  /** When it heard of the installation for the last time, by this machine's clock. */
  #heardAt = Date.now();
  #timer: ReturnType<typeof setTimeout> | undefined;
  #stopped = false;

  constructor(api: AdminApi) {
    this.#api = api;
    this.#letters = new Letters(api);
    byId("plots", HTMLElement).replaceChildren(this.#throughput.element, this.#latency.element);
  }

  /** Takes the first look, which the caller made to see whether the key is right. */
  start(first: Overview): void {
    this.#show(first);
    void this.#letters.refresh();
    this.#again();
  }

  stop(): void {
    this.#stopped = true;
    clearTimeout(this.#timer);
  }

  #again(): void {
    if (!this.#stopped) this.#timer = setTimeout(() => void this.#look(), LOOK_MS);
  }

  async #look(): Promise<void> {
    try {
      this.#show(await this.#api.overview());
      if (++this.#looks % LETTERS_EVERY_LOOKS === 0 && !document.hidden)
        void this.#letters.refresh();
    } catch (error) {
      if (error instanceof ApiError && error.status === 401) {
        signOut("The key is not right any more: sign in again.");
        return;
      }
      const said = error instanceof ApiError ? error.message : undefined;
      status("away", said ?? "Nobody answers");
      showSilence(said, this.#heardAt);
    }
    this.#again();
  }

  #show(overview: Overview): void {
    const moment = this.#meter.take(overview);
    this.#keep(moment);
    this.#heardAt = Date.now();
    byId("board", HTMLElement).classList.remove("stale");
    this.#letters.traceUrl = overview.trace_url;
    const { processes } = overview;
    const here = processes.filter(({ missing }) => !missing).length;
    status("live", `Live · ${here} of ${many(processes.length, "process", "processes")}`);
    // What nobody sees needs no drawing; the moments are kept all the same.
    if (document.hidden) return;
    showProblems(overview, moment, this.#letters.waiting);
    byId("tiles", HTMLElement).replaceChildren(...tiles(this.#moments.slice(-60)));
    this.#throughput.show(this.#throughputs);
    this.#latency.show(this.#latencies);
    fill("stages", stagesPanel(moment));
    fill("lag", lagPanel(overview));
    fill("outages", outagesPanel(moment));
    fill("auditor", auditorPanel(moment));
    fill("tenants", tenantsPanel(overview, moment));
    fill("processes", processesPanel(overview, moment));
  }

  #keep(moment: Moment): void {
    const { at } = moment;
    const recent = moment.recent(END_TO_END);
    this.#moments.push(moment);
    this.#throughputs.push({
      at,
      values: ["sends_accepted", "delivery_placed", "relay_delivered"].map((name) =>
        moment.rate(`tidegate_${name}_total`),
      ),
    });
    this.#latencies.push({ at, values: PARTS.map((part) => recent && quantile(recent, part)) });
    const isOver = (point: { readonly at: number }): boolean => point.at < at - SPAN_MS;
    this.#moments = this.#moments.slice(-60);
    this.#throughputs = this.#throughputs.filter((point) => !isOver(point));
    this.#latencies = this.#latencies.filter((point) => !isOver(point));
  }
}

/** A panel that is scrolled stays where it is. */
function fill(id: string, content: HTMLElement): void {
  const panel = byId(id, HTMLElement);
  const top = panel.querySelector(".scroll")?.scrollTop ?? 0;
  panel.replaceChildren(content);
  if (top > 0) content.scrollTop = top;
}

function showProblems(overview: Overview, moment: Moment, letters: number): void {
  const found = problemsOf(overview, moment, letters);
  sayProblems(found.length === 0 ? [ALL_IS_WELL] : found);
}

/** What was seen last stays, but nothing of it may look as if it were so now. */
function showSilence(said: string | undefined, heardAt: number): void {
  byId("board", HTMLElement).classList.add("stale");
  const since = new Date(heardAt).toLocaleTimeString();
  sayProblems([
    {
      tone: "bad",
      title: "This gateway does not answer",
      text: `${said === undefined ? "" : `${said}; `}below is how it was at ${since}`,
    },
  ]);
}

type Said = Omit<OpsProblem, "tone"> & { readonly tone: OpsProblem["tone"] | "good" };

const ALL_IS_WELL: Said = {
  tone: "good",
  title: "All is well",
  text: "every process is ready, nothing waits, the auditor has found nothing",
};

function sayProblems(problems: readonly Said[]): void {
  const lines = problems.map(({ tone, title, text }) =>
    make("div", `problem ${tone}`, make("strong", "", title), make("span", "", text)),
  );
  const panel = byId("problems", HTMLElement);
  const text = lines.map((line) => line.textContent).join("\n");
  // Said again only when it changes: screen readers read it aloud.
  if (panel.dataset["text"] === text) return;
  panel.dataset["text"] = text;
  panel.replaceChildren(...lines);
}

function status(state: "connecting" | "live" | "away", text: string): void {
  const element = byId("status", HTMLElement);
  element.hidden = false;
  element.dataset["state"] = state;
  byId("status-text", HTMLElement).textContent = text;
}

let board: Board | undefined;

async function signIn(key: string): Promise<void> {
  const api = new AdminApi(key);
  const first = await api.overview();
  keepKey(key);
  byId("sign-in", HTMLElement).hidden = true;
  byId("board", HTMLElement).hidden = false;
  byId("sign-out", HTMLElement).hidden = false;
  board = new Board(api);
  board.start(first);
}

function signOut(fault = ""): void {
  board?.stop();
  board = undefined;
  forgetKey();
  for (const id of ["board", "sign-out", "status"]) byId(id, HTMLElement).hidden = true;
  showSignIn(fault);
}

function showSignIn(fault: string): void {
  byId("sign-in", HTMLElement).hidden = false;
  const element = byId("key-fault", HTMLElement);
  element.hidden = fault === "";
  element.textContent = fault;
  byId("key", HTMLInputElement).focus();
}

const faultOf = (error: unknown): string =>
  error instanceof ApiError ? error.message : "Nobody answers: is the gateway there?";

byId("sign-in", HTMLFormElement).addEventListener("submit", (event) => {
  event.preventDefault();
  const input = byId("key", HTMLInputElement);
  signIn(input.value.trim()).then(
    () => (input.value = ""),
    (error: unknown) => showSignIn(faultOf(error)),
  );
});
byId("sign-out", HTMLButtonElement).onclick = () => signOut();
watchTheme();
const kept = keptKey();
if (kept === undefined) showSignIn("");
else
  signIn(kept).catch((error: unknown) => {
    // A gateway that starts again takes the same key in a moment, so it is kept.
    if (error instanceof ApiError && error.status === 401) forgetKey();
    showSignIn(faultOf(error));
  });
