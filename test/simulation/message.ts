/** Where a try's receipt says that its record is. */
export interface ReceiptAt {
  readonly message: string;
  /** Undefined: in the outbox. */
  readonly at: { readonly partition: number; readonly offset: number } | undefined;
}

/** One try to send. */
export interface Try {
  readonly message: Message;
  readonly attempt: number | undefined;
  readonly content: string;
  /** The connection, and when in the order of everything that clients said and heard. */
  readonly link: object | undefined;
  readonly sentAt: number;
  /** The gateway may not have known what the user has in the outbox through others. */
  readonly blind: boolean;
  receipt?: ReceiptAt;
  receiptAt?: number;
}

/** What a client wants to say once, with everything that it did for it. */
export interface Message {
  readonly conversation: string;
  readonly key: string;
  readonly content: string;
  readonly tries: Try[];
  attempts: number;
  /** The client said "first try" more than once, which the protocol forbids. */
  dishonest: boolean;
  /** Some try had other content. */
  conflicting: boolean;
  /** Has its receipt, or was refused for good. */
  settled: boolean;
  /** A refused push came for it. */
  refused: boolean;
}

const TEXTS = ["", "é ü 漢字", "😀👍🏽", 'quote \\" and \\\\ slash', "\\u00e9\\n\\u2028", "x"];

/** Content as JSON text; `length` characters more than needed. */
export function contentOf(tenant: string, n: number, text: number, length: number): string {
  return `{"of":"${tenant}","n":${n},"text":"${TEXTS[text % TEXTS.length]}${"·".repeat(length)}"}`;
}
