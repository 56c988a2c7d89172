/** What a reader needs of its connection. */
export interface ReadingConnection {
  /** Whether the socket takes more now: nothing waits for it. */
  readonly roomy: boolean;
  /** Queues live events. @returns false when too much waits */
  push(text: string): boolean;
  /** Queues a page of catch-up, which was asked for while there was room. */
  pushPage(text: string): void;
  reply(line: string): void;
  /** The reader wants to be pumped whenever the socket has room. */
  catchUp(reader: Reader): void;
  caughtUp(reader: Reader): void;
}

/** What others need of the conversation that a reader reads. */
export interface ReadConversation {
  readonly tenant: string;
  readonly name: string;
  readonly topic: string;
  readonly partition: number;
  /** How many readers it has here. */
  readonly readers: number;
  /** Gives a catching reader what it can take now. */
  pump(reader: Reader): void;
  remove(reader: Reader): void;
}

/** One connection's subscription of one conversation. */
export class Reader {
  readonly connection: ReadingConnection;
  readonly conversation: ReadConversation;
  /** The next seq that this reader needs; kept only while it is catching up. */
  next = 0;
  catching = true;
  /** A page of the store is being read for it. */
  reading = false;
  /** Waits for the store to get further. */
  parked = false;
  /** Whether reaching the head is told with a `live` frame. */
  announce = true;
  gone = false;

  constructor(connection: ReadingConnection, conversation: ReadConversation) {
    this.connection = connection;
    this.conversation = conversation;
  }
}
