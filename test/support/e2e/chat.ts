import type { Page } from "playwright-core";
import type { Window } from "./browser.ts";

/** A person at the page. */
export class Chatter {
  readonly window: Window;
  readonly page: Page;

  constructor(window: Window) {
    this.window = window;
    this.page = window.page;
  }

  async enter(url: string, name: string, room: string): Promise<void> {
    await this.page.goto(`${url}/#/${room}`);
    await this.page.fill("#name-input", name);
    await this.page.press("#name-input", "Enter");
    await this.state("connected");
  }

  async state(state: string): Promise<void> {
    await this.page.locator(`#status[data-state="${state}"]`).waitFor();
  }

  async say(text: string): Promise<void> {
    await this.page.fill("#text", text);
    await this.page.press("#text", "Enter");
  }

  /** Waits until a placed message with this text is shown. */
  async sees(text: string): Promise<void> {
    await this.page.locator("#messages .text", { hasText: text }).last().waitFor();
  }

  /** The texts of the placed messages, in their order on the screen. */
  texts(): Promise<string[]> {
    return this.page.locator("#messages .text").allTextContents();
  }

  /** The texts of what has no place yet. */
  pending(): Promise<string[]> {
    return this.page.locator("#pending .text").allTextContents();
  }

  async nothingPending(): Promise<void> {
    await this.page.locator("#pending:empty").waitFor({ state: "attached" });
  }

  number(expression: string): Promise<number> {
    return this.page.evaluate(expression);
  }
}
