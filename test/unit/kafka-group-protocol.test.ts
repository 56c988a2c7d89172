import { expect, test } from "bun:test";
import {
  decodeConsumerProtocolAssignment,
  decodeConsumerProtocolSubscription,
} from "@platformatic/kafka";
import { AssignerProtocol } from "kafkajs";
import { worstCode } from "../../src/adapters/kafka/group-commits.ts";
import {
  decodeAssignment,
  decodeSubscription,
  encodeAssignment,
  encodeSubscription,
} from "../../src/adapters/kafka/group-protocol.ts";

const OWNED = new Map([
  ["a", [0, 2]],
  ["b", [1]],
]);
const NOTE = { settled: false, mark: "m.1.2", plan: "p.3.4", memberId: "one two-3" };

test("a subscription says what is read, what is held, and since which generation", () => {
  const bytes = encodeSubscription(new Set(["a", "b", "c"]), OWNED, 7);
  const member = decodeSubscription("one", bytes);
  expect(member).toEqual({
    name: "one",
    topics: new Set(["a", "b", "c"]),
    owned: OWNED,
    generation: 7,
  });
  // Kafka's own tools read the same bytes.
  expect(decodeConsumerProtocolSubscription(bytes)).toMatchObject({ generationId: 7 });
  expect(AssignerProtocol.MemberMetadata.decode(bytes)?.topics).toEqual(["a", "b", "c"]);
});

test("an assignment gives partitions, and tells its member whom and what it was made for", () => {
  const bytes = encodeAssignment(OWNED, NOTE);
  expect(decodeAssignment(bytes)).toEqual({ target: OWNED, note: NOTE });
  expect(decodeConsumerProtocolAssignment(bytes).assignedPartitions).toHaveLength(2);
  expect(AssignerProtocol.MemberAssignment.decode(bytes)?.assignment).toEqual({
    a: [0, 2],
    b: [1],
  });
});

test("a member without partitions gets an assignment that says so", () => {
  expect(decodeAssignment(encodeAssignment(new Map(), NOTE)).target).toEqual(new Map());
  expect(decodeAssignment(Buffer.alloc(0)).target).toEqual(new Map());
});

test("of a commit's answer the first refusal counts", () => {
  const answer = (...codes: number[]) => [
    { partitions: codes.map((errorCode) => ({ errorCode })) },
  ];
  expect(worstCode(answer(0, 0))).toBe(0);
  expect(worstCode(answer(0, 27, 25))).toBe(27);
});
