import { dirname, join } from "node:path";
import { z } from "zod";

export const DEPLOY = join(dirname(dirname(dirname(import.meta.dir))), "deploy");

const ruleSchema = z.strictObject({
  alert: z.string(),
  expr: z.string(),
  for: z.string().optional(),
  labels: z.strictObject({
    severity: z.enum(["info", "warning", "critical"]),
    subject: z.string(),
  }),
  annotations: z.strictObject({
    summary: z.string(),
    description: z.string(),
    runbook_url: z.string(),
  }),
});
const fileSchema = z.strictObject({
  groups: z.array(z.strictObject({ name: z.string(), rules: z.array(ruleSchema) })),
});

export type AlertRule = z.infer<typeof ruleSchema>;

/** @param name of a file of rules, without `.yml` */
export async function readRules(name: "tidegate" | "external"): Promise<readonly AlertRule[]> {
  const text = await Bun.file(join(DEPLOY, `prometheus/rules/${name}.yml`)).text();
  return fileSchema.parse(Bun.YAML.parse(text)).groups.flatMap(({ rules }) => rules);
}

/** Metrics of a PromQL expression with the labels that it asks for by equality. */
export function selectorsOf(
  expr: string,
): readonly { readonly metric: string; readonly labels: Readonly<Record<string, string>> }[] {
  const withoutText = expr.replaceAll(/"[^"]*"/g, (quoted) => quoted.replaceAll(/[{}]/g, ""));
  return [...withoutText.matchAll(/\b((?:tidegate|process|node)_\w+|up)\b(?:\{([^}]*)\})?/g)].map(
    ([, metric = "", matchers = ""]) => ({
      metric,
      labels: Object.fromEntries(
        [...matchers.matchAll(/(\w+)="([^"]*)"/g)].map(([, name = "", value = ""]) => [
          name,
          value,
        ]),
      ),
    }),
  );
}
