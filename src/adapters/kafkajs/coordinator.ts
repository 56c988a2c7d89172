import type { Brokers } from "./brokers.ts";
import { assertOk } from "./protocol.ts";

interface FindCoordinatorAnswer {
  readonly errorCode: number;
  readonly coordinator: { readonly nodeId: number; readonly host: string; readonly port: number };
}

const GROUP = 0;

/** @returns the node that keeps the group @throws ProtocolError while there is none */
export async function findCoordinator(
  brokers: Pick<Brokers, "addNode" | "ask">,
  group: string,
): Promise<number> {
  const answer = await brokers.ask<FindCoordinatorAnswer>("admin", -1, {
    api: "GroupCoordinator",
    options: { groupId: group, coordinatorType: GROUP },
  });
  assertOk(answer.errorCode, `the coordinator of ${group}`);
  const { nodeId, host, port } = answer.coordinator;
  brokers.addNode({ id: nodeId, host, port });
  return nodeId;
}
