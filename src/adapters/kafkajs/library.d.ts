/**
 * The parts of kafkajs 2.2.4 below its public classes, as far as they are used here. They are plain
 * CommonJS files without types. The version is pinned exactly and there will hardly be another one.
 */
declare module "kafkajs/src/protocol/encoder.js" {
  export default class Encoder {
    readonly buffer: Buffer;
    writeInt8(value: number): this;
    writeInt16(value: number): this;
    writeInt32(value: number): this;
    writeBoolean(value: boolean): this;
    writeString(value: string | null): this;
    writeBytes(value: Buffer | string): this;
    writeBuffer(value: Buffer): this;
    writeUVarInt(value: number): this;
    writeUVarIntString(value: string | null): this;
  }
}

declare module "kafkajs/src/protocol/decoder.js" {
  export default class Decoder {
    constructor(buffer: Buffer);
    readonly buffer: Buffer;
    offset: number;
    canReadBytes(length: number): boolean;
    readBoolean(): boolean;
    readInt16(): number;
    readInt32(): number;
    readInt64(): bigint;
    readString(): string;
    /** −1 as length: null. */
    readBytes(length?: number): Buffer | null;
    readUVarInt(): number;
    readUVarIntString(): string | null;
    forward(bytes: number): void;
  }
}

declare module "kafkajs/src/protocol/error.js" {
  import type { KafkaJSProtocolError } from "kafkajs";
  const errors: {
    createErrorFromCode(code: number): KafkaJSProtocolError;
    errorCodes: readonly { readonly type: string; readonly code: number }[];
  };
  export default errors;
}

declare module "kafkajs/src/protocol/requests/apiKeys.js" {
  const apiKeys: Readonly<Record<string, number>>;
  export default apiKeys;
}

declare module "kafkajs/src/protocol/requests/index.js" {
  const protocol: { requests: Readonly<Record<string, unknown>> };
  export default protocol;
}

declare module "kafkajs/src/protocol/recordBatch/crc32C/index.js" {
  /** Castagnoli's CRC-32, unsigned. */
  export default function crc32C(bytes: Buffer): number;
}

declare module "kafkajs/src/network/requestQueue/index.js" {
  export default class RequestQueue {
    readonly pending: readonly unknown[];
    readonly throttledUntil: number;
    scheduleCheckPendingRequests(): void;
  }
}

declare module "kafkajs/src/network/connectionPool.js" {
  import type { Socket } from "node:net";
  import type { ConnectionOptions } from "node:tls";
  import type { ISocketFactory, Logger, Mechanism, SASLOptions } from "kafkajs";

  export interface ProtocolRequest {
    readonly request: {
      readonly apiKey: number;
      readonly apiVersion: number;
      readonly apiName: string;
      encode(): Promise<unknown>;
    };
    readonly response: {
      decode(payload: Buffer): Promise<unknown>;
      parse(decoded: unknown): Promise<unknown>;
    };
    readonly requestTimeout?: number;
    readonly logResponseError?: boolean;
  }
  export interface Connection {
    readonly socket?: Socket;
    isConnected(): boolean;
    send(request: ProtocolRequest): Promise<unknown>;
  }
  export default class ConnectionPool {
    constructor(options: {
      host: string;
      port: number;
      clientId: string;
      connectionTimeout: number;
      requestTimeout: number;
      enforceRequestTimeout: boolean;
      maxInFlightRequests: number | null;
      reauthenticationThreshold: number;
      logger: Logger;
      socketFactory: ISocketFactory;
      ssl?: ConnectionOptions;
      sasl?: SASLOptions | Mechanism;
    });
    readonly pool: readonly Connection[];
    getConnection(index: number): Promise<Connection>;
  }
}

declare module "kafkajs/src/broker/index.js" {
  import type { Logger } from "kafkajs";
  import type ConnectionPool from "kafkajs/src/network/connectionPool.js";
  import type { ProtocolRequest } from "kafkajs/src/network/connectionPool.js";

  export default class Broker {
    constructor(options: {
      connectionPool: ConnectionPool;
      logger: Logger;
      authenticationTimeout: number;
      allowAutoTopicCreation: boolean;
    });
    readonly connectionPool: ConnectionPool;
    /** Chooses the newest version that both sides know. */
    lookupRequest(apiKey: number, definition: unknown): (options: object) => ProtocolRequest;
    isConnected(): boolean;
    connect(): Promise<void>;
    disconnect(): Promise<void>;
  }
}

declare module "kafkajs/src/loggers/index.js" {
  import type { Logger, logCreator } from "kafkajs";
  const loggers: { createLogger(options: { level: number; logCreator: logCreator }): Logger };
  export default loggers;
}
