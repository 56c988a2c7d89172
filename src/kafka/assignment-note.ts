/**
 * What a member's assignment says besides its partitions, as its user data: the same with every
 * client library, so that members of one group may use different ones.
 */
export interface AssignmentNote {
  /** False while another round follows soon. */
  readonly settled: boolean;
  /** {@link topicsMark} of the topics that the leader took this member to read. */
  readonly mark: string;
  /** A mark of the topics and partitions that the leader knew. */
  readonly plan: string;
  /** Whom the leader meant: a member that came back under its name inherits what it had. */
  readonly memberId: string;
}

export function encodeNote({ settled, mark, plan, memberId }: AssignmentNote): string {
  return `${settled ? "settled" : "moving"} ${mark} ${plan} ${memberId}`;
}

/** Never throws: an assignment without a note is one that another round has to follow. */
export function decodeNote(userData: Buffer | null): AssignmentNote {
  const [state, mark = "", plan = "", ...memberId] = (userData ?? "").toString().split(" ");
  return { settled: state === "settled", mark, plan, memberId: memberId.join(" ") };
}

/** The same for the same topics, whatever their order; short, to be compared. */
export function topicsMark(topics: ReadonlySet<string>): string {
  let sum = 0;
  let product = 0;
  for (const name of topics) {
    let hash = 0;
    for (let i = 0; i < name.length; i++) hash = (Math.imul(hash, 31) + name.charCodeAt(i)) | 0;
    sum = (sum + hash) | 0;
    product = (product + Math.imul(hash, hash | 1)) | 0;
  }
  return [topics.size, sum, product].map((part) => (part >>> 0).toString(36)).join(".");
}
