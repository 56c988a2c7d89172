import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { startStandalone, type Standalone } from "../../../cli/standalone.ts";
import { parseConfig } from "../../../src/config.ts";
import type { Limits } from "../../../src/limits.ts";
import type { ProtocolClient } from "./protocol-client.ts";
import { TcpSocket } from "./tcp-socket.ts";
import { trust, type Grant } from "./trust.ts";
import { openWebSocket, type OpenOptions } from "./web-socket.ts";

export interface TestGatewayOptions {
  readonly settings?: Readonly<Record<string, string>>;
  /** Limits that no setting can change. */
  readonly limits?: Partial<Limits>;
  /** Kept at the end when given; otherwise a new one that is removed. */
  readonly folder?: string;
}

/** The standalone program in this process, on a free port. */
export class TestGateway implements AsyncDisposable {
  readonly folder: string;
  /** What it wrote to its log. */
  readonly log: string[] = [];
  readonly #options: TestGatewayOptions;
  #running: Standalone | undefined;

  private constructor(options: TestGatewayOptions) {
    this.#options = options;
    this.folder = options.folder ?? mkdtempSync(join(tmpdir(), "tidegate-gateway-"));
  }

  static async start(options: TestGatewayOptions = {}): Promise<TestGateway> {
    const gateway = new TestGateway(options);
    try {
      await gateway.#start();
    } catch (error) {
      await gateway[Symbol.asyncDispose]();
      throw error;
    }
    return gateway;
  }

  get port(): number {
    return this.#process.port;
  }

  get url(): string {
    return `http://127.0.0.1:${this.port}`;
  }

  /** Lines of the log about what must not happen, whatever clients do. */
  get faults(): readonly string[] {
    return this.log.filter((line) => line.includes('"level":"error"'));
  }

  /** Drains, and starts again on the same folder, with other limits if given. */
  async restart(limits: Partial<Limits> = this.#options.limits ?? {}): Promise<void> {
    await this.stop();
    await this.#start(limits);
  }

  async stop(): Promise<void> {
    const running = this.#running;
    this.#running = undefined;
    await running?.stop();
  }

  /** A socket that has not sent `connect`. */
  open(options: OpenOptions = {}): ReturnType<typeof openWebSocket> {
    return openWebSocket(this.port, options);
  }

  /** A connected client. */
  async connect(grant: Grant | string): Promise<ProtocolClient> {
    const client = await this.open();
    await client.ask("connect", { token: await tokenOf(grant) });
    return client;
  }

  /** A connected client on bare TCP. */
  async connectTcp(grant: Grant | string): Promise<TcpSocket> {
    const socket = await TcpSocket.open(this.port);
    await socket.client.ask("connect", { token: await tokenOf(grant) });
    return socket;
  }

  /** One HTTP request as this user, with a JSON body if there is one. */
  async request(
    grant: Grant | string,
    method: "GET" | "POST",
    path: string,
    body?: unknown,
    headers: Readonly<Record<string, string>> = {},
  ): Promise<Response> {
    return fetch(this.url + path, {
      method,
      headers: {
        Authorization: `Bearer ${await tokenOf(grant)}`,
        ...(body === undefined ? {} : { "Content-Type": "application/json" }),
        ...headers,
      },
      ...(body === undefined
        ? {}
        : { body: typeof body === "string" ? body : JSON.stringify(body) }),
    });
  }

  /** A metric's value, summed over its series. */
  async metric(name: string): Promise<number> {
    const text = await (await fetch(`${this.url}/metrics`)).text();
    const values = text.split("\n").filter((line) => line.startsWith(name));
    return values.reduce((sum, line) => sum + Number(line.slice(line.lastIndexOf(" ") + 1)), 0);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop();
    if (this.#options.folder === undefined) rmSync(this.folder, { recursive: true, force: true });
  }

  get #process(): Standalone {
    if (this.#running === undefined) throw new Error("the gateway is stopped");
    return this.#running;
  }

  async #start(limits: Partial<Limits> = this.#options.limits ?? {}): Promise<void> {
    const config = parseConfig({
      ...trust.settings,
      PORT: "0",
      TIDEGATE_DATA: this.folder,
      TIDEGATE_PARTITIONS: "2",
      ...this.#options.settings,
    });
    this.#running = await startStandalone(
      { ...config, limits: { ...config.limits, ...limits } },
      (line) => void this.log.push(line),
    );
  }
}

function tokenOf(grant: Grant | string): string | Promise<string> {
  return typeof grant === "string" ? grant : trust.token(grant);
}
