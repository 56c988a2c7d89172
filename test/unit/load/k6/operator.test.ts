import { expect, test } from "bun:test";
import { dirname, join } from "node:path";
import { z } from "zod";
import { planOf } from "../../../../load/k6/lib/plan.ts";
import { K6_VERSION } from "../../../../load/k6/runner/install.ts";

const ROOT = dirname(dirname(dirname(dirname(import.meta.dir))));
const runSchema = z.strictObject({
  apiVersion: z.literal("k6.io/v1alpha1"),
  kind: z.literal("TestRun"),
  metadata: z.object({ name: z.string() }),
  spec: z.strictObject({
    parallelism: z.int(),
    separate: z.boolean(),
    arguments: z.string(),
    script: z.object({ configMap: z.object({ name: z.string(), file: z.string() }) }),
    runner: z.object({ image: z.string(), env: z.array(z.looseObject({ name: z.string() })) }),
  }),
});

async function testRun() {
  const text = await Bun.file(join(ROOT, "deploy/k6/testrun.yml")).text();
  return runSchema.parse(Bun.YAML.parse(text));
}

test("the operator's example runs the k6 that everything else runs", async () => {
  const { spec } = await testRun();
  expect(spec.runner.image).toBe(`grafana/k6:${K6_VERSION.slice(1)}`);
});

test("the operator's example has no more pods than a scenario has virtual users", async () => {
  const { spec } = await testRun();
  expect(spec.parallelism).toBeLessThanOrEqual(planOf("peak").vus);
});

test("the operator's example sets only what the scripts read", async () => {
  const { spec } = await testRun();
  const settings = await Bun.file(join(ROOT, "load/k6/lib/settings.ts")).text();
  const names = spec.runner.env.map(({ name }) => name).filter((name) => name !== "GOGC");
  expect(names).toContainValues(["TARGET_URL", "TOKEN_SECRET"]);
  for (const name of names) expect(settings).toContain(`"${name}"`);
});
