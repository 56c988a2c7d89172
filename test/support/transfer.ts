import { createClient, type Client } from "../../src/client/tidegate.ts";
import { runTool, type Settings, type ToolEnd } from "./cluster/tool.ts";
import { trust } from "./gateway/trust.ts";

/** Settings of a standalone Tidegate with a folder of its own. */
export function standaloneSettings(folder: string, partitions: number): Settings {
  return {
    ...trust.settings,
    PORT: "0",
    TIDEGATE_DATA: folder,
    TIDEGATE_PARTITIONS: `${partitions}`,
    TIDEGATE_SENDS_PER_SECOND_PER_CONNECTION: "100000",
    TIDEGATE_SENDS_PER_SECOND_PER_TENANT: "100000",
  };
}

/** Runs `tidegate export` or `import` to its end. */
export function transfer(args: readonly string[], settings: Settings): Promise<ToolEnd> {
  return runTool("cli/tidegate.ts", args, settings);
}

/** A tenant as its clients see it, on whatever serves it. */
export class Visitor implements Disposable {
  readonly #url: string;
  readonly #tenant: string;
  readonly #clients: Client[] = [];

  constructor(url: string, tenant: string) {
    this.#url = url;
    this.#tenant = tenant;
  }

  client(user: string): Client {
    const client = createClient({
      url: `${this.#url.replace("http", "ws")}/v1/socket`,
      token: () => trust.token({ tenant: this.#tenant, user }),
      backoffCapMs: 500,
    });
    this.#clients.push(client);
    return client;
  }

  /** Sends over HTTP. */
  async post(conversation: string, user: string, body: object): Promise<Response> {
    return fetch(this.#address(conversation), {
      method: "POST",
      headers: { ...(await this.#authorization(user)), "Content-Type": "application/json" },
      body: JSON.stringify(body),
    });
  }

  /** All that a conversation has, as the bytes that came, and its head. */
  async history(conversation: string): Promise<{ text: string; head: number; epoch: string }> {
    const pages: string[] = [];
    let epoch = "";
    let head = 0;
    for (let after = ""; ;) {
      const query = after === "" ? "" : `&after=${after}`;
      const response = await fetch(`${this.#address(conversation)}?limit=100${query}`, {
        headers: await this.#authorization("reader"),
      });
      const text = await response.text();
      if (!response.ok) throw new Error(text);
      const reply = JSON.parse(text) as {
        readonly epoch: string;
        readonly head: number;
        readonly events: readonly { readonly seq: number }[];
      };
      ({ epoch, head } = reply);
      if (after === "") after = `${epoch}.0`;
      else {
        const last = reply.events.at(-1)?.seq;
        if (last === undefined) return { text: pages.join("\n"), head, epoch };
        pages.push(text);
        after = `${epoch}.${last}`;
      }
    }
  }

  [Symbol.dispose](): void {
    for (const client of this.#clients) client.close();
  }

  #address(conversation: string): string {
    return `${this.#url}/v1/conversations/${encodeURIComponent(conversation)}/messages`;
  }

  async #authorization(user: string): Promise<Record<string, string>> {
    const token = await trust.token({ tenant: this.#tenant, user });
    return { Authorization: `Bearer ${token}` };
  }
}
