import { Connection, type API, type ConnectionOptions } from "@platformatic/kafka";
import { AppError } from "../../errors.ts";

export interface LinkOptions {
  readonly host: string;
  readonly port: number;
  readonly clientId: string;
  /** Its `requestTimeout` holds for every call of this link. */
  readonly connection: ConnectionOptions;
}

/**
 * One connection to one broker, made at the first call and made again after it broke. Brokers answer
 * the requests of a connection one after the other, so what may wait long has a link of its own.
 */
export class BrokerLink {
  readonly #options: LinkOptions;
  #opening: Promise<Connection> | undefined;
  #connection: Connection | undefined;
  #closed = false;

  constructor(options: LinkOptions) {
    this.#options = options;
  }

  get address(): string {
    return `${this.#options.host}:${this.#options.port}`;
  }

  /**
   * The broker's answer, also when it holds error codes: whoever asks knows what they mean there.
   * @throws the library's error when there was no answer; the connection is made again then
   */
  async call<A extends unknown[], R>(api: API<A, R>, ...args: A): Promise<R> {
    const connection = await this.#open();
    return new Promise<R>((resolve, reject) => {
      const done = (error: Error | null, response?: R): void => {
        if (error === null) return resolve(response as R);
        const answer = answerIn<R>(error);
        return answer === undefined ? reject(error) : resolve(answer);
      };
      const ask = api as unknown as (connection: Connection, ...rest: unknown[]) => void;
      ask(connection, ...args, done);
    });
  }

  /** Breaks the connection, so that pending calls fail; the next call makes it again. */
  reset(): void {
    const connection = this.#connection;
    this.#connection = undefined;
    this.#opening = undefined;
    if (connection !== undefined) breakOff(connection);
  }

  close(): void {
    this.#closed = true;
    this.reset();
  }

  #open(): Promise<Connection> {
    if (this.#closed) return Promise.reject(new AppError("closed", "The link is closed"));
    this.#opening ??= this.#connect();
    return this.#opening;
  }

  async #connect(): Promise<Connection> {
    const { clientId, connection: options, host, port } = this.#options;
    const connection = new Connection(clientId, options);
    const forget = () => {
      if (this.#connection !== connection) return;
      this.#connection = undefined;
      this.#opening = undefined;
    };
    // Without a listener an "error" event would end the process; pending calls tell their own.
    connection.on("error", forget);
    connection.on("close", forget);
    this.#connection = connection;
    try {
      await connection.connect(host, port);
    } catch (error) {
      forget();
      breakOff(connection);
      throw error;
    }
    if (this.#connection !== connection) {
      breakOff(connection);
      throw new AppError("log_unavailable", `the connection to ${this.address} was given up`);
    }
    return connection;
  }
}

/** Also one that is being made: without `close` it would keep the process for its whole timeout. */
function breakOff(connection: Connection): void {
  connection.close(() => {});
  connection.socket.destroy();
}

/** The library throws answers that hold an error code; the answer itself is in `response`. */
function answerIn<R>(error: unknown): R | undefined {
  return (error as { response?: R }).response;
}
