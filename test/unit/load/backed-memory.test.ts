import { expect, test } from "bun:test";
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { type Backed, backMemory, memoryText } from "../../../load/backed-memory.ts";

const HOLDER = join(import.meta.dir, "../../../load/memory-holder.ts");
const isLinux = process.platform === "linux";

/** Resident anonymous memory of a process, MiB. */
function residentMib(pid: number): number {
  const status = readFileSync(`/proc/${pid}/status`, "utf8");
  return Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) / 1_024;
}

// Elsewhere there is nothing to see to.
test.if(isLinux)("memory is touched, and all but a page of each MiB let go again", async () => {
  const start = async (mib: number) => {
    const child = Bun.spawn([process.execPath, HOLDER, String(mib)], {
      stdio: ["pipe", "pipe", "inherit"],
    });
    const reader = child.stdout.getReader();
    const { value } = await reader.read();
    return { child, told: JSON.parse(new TextDecoder().decode(value)) as Backed };
  };
  const [small, large] = await Promise.all([start(1), start(512)]);
  try {
    expect(large.told.mib).toBe(512);
    expect(large.told.firstMicros).toBeGreaterThan(0);
    expect(large.told.againMicros).toBeGreaterThan(0);
    // Two MiB are held, and the bookkeeping of a process differs by a few.
    expect(residentMib(large.child.pid) - residentMib(small.child.pid)).toBeLessThan(64);
  } finally {
    for (const { child } of [small, large]) void child.stdin.end();
  }
  expect(await Promise.all([small.child.exited, large.child.exited])).toEqual([0, 0]);
});

test.if(isLinux)("figures say how memory stood, as long as it is held", async () => {
  const said: string[] = [];
  expect(memoryText()).toBeUndefined();
  {
    await using memory = await backMemory((line) => said.push(line), 4);
    expect(memory?.mib).toBe(4);
    expect(memoryText()).toMatch(/^given by the host before \(a page took \d+\.\d µs/);
    expect(said.at(-1)).toContain(memoryText() ?? "nothing");
  }
  expect(memoryText()).toBeUndefined();
});

test.if(isLinux)("the program that touches says what it needs", async () => {
  for (const args of [[], ["0"], ["much"]]) {
    const child = Bun.spawn([process.execPath, HOLDER, ...args], { stderr: "pipe" });
    expect(await new Response(child.stderr).text()).toContain("how many MiB");
    expect(await child.exited).toBe(2);
  }
});

test("where there is too little, nothing is touched", async () => {
  expect(await backMemory(() => undefined, 0)).toBeUndefined();
});
