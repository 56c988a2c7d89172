/** Writes Grafana's dashboards, `deploy/grafana/dashboards`, from their definitions. */
import { dirname, join } from "node:path";
import { dashboardJson, type Dashboard } from "./dashboards/dashboard.ts";
import { gateway } from "./dashboards/gateway.ts";
import { kafka } from "./dashboards/kafka.ts";
import { overview } from "./dashboards/overview.ts";
import { pools } from "./dashboards/pools.ts";
import { tenant } from "./dashboards/tenant.ts";

export const DASHBOARDS: readonly Dashboard[] = [overview, gateway, pools, kafka, tenant];

export const DASHBOARD_FOLDER = join(dirname(import.meta.dir), "deploy", "grafana", "dashboards");

if (import.meta.main) {
  for (const dashboard of DASHBOARDS)
    await Bun.write(join(DASHBOARD_FOLDER, `${dashboard.name}.json`), dashboardJson(dashboard));
}
