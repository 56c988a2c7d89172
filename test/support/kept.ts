import { edenGC, fullGC } from "bun:jsc";

/**
 * How many objects a collection of the new leaves that have passed through something which is old itself,
 * and are of no use any more.
 *
 * @param pass lets fresh ones through, and tells of them
 */
export async function keptOf(pass: () => Promise<readonly WeakRef<object>[]>): Promise<number> {
  await pass();
  fullGC();
  const passed = await pass();
  // What a turn has had in its hands is not collected in it.
  await nextTurn();
  edenGC();
  return passed.filter((one) => one.deref() !== undefined).length;
}

export function nextTurn(): Promise<void> {
  return new Promise((resolve) => setImmediate(resolve));
}
