import type { Dashboard } from "./dashboard.ts";
import { gauge, rate } from "./query.ts";

const top = (expr: string): string => `topk(10, ${expr})`;

export const tenant: Dashboard = {
  name: "tenant",
  title: "tenants",
  about:
    "The busiest tenants, from /metrics/tenants of the gateways, which needs the admin key (job tidegate-tenants).",
  instancesOf: "tidegate_tenants",
  rows: [
    {
      title: "The busiest ten",
      panels: [
        {
          title: "Messages in",
          about: "Handed to the log, a second",
          unit: "mps",
          width: 12,
          queries: [[top(rate("tidegate_tenant_sends_total", "tenant")), "{{tenant}}"]],
        },
        {
          title: "Deliveries",
          about: "Live events handed to sockets, a second",
          unit: "mps",
          width: 12,
          queries: [[top(rate("tidegate_tenant_delivered_total", "tenant")), "{{tenant}}"]],
        },
        {
          title: "Characters in",
          about: "Of the records handed to the log, a second",
          unit: "short",
          width: 12,
          queries: [[top(rate("tidegate_tenant_send_characters_total", "tenant")), "{{tenant}}"]],
        },
        {
          title: "Refused for their rate",
          about: "Messages a second: a tenant that wants more than its limit",
          unit: "mps",
          width: 12,
          queries: [[top(rate("tidegate_tenant_rate_limited_total", "tenant")), "{{tenant}}"]],
        },
        {
          title: "Sockets",
          about: "That have authenticated",
          unit: "short",
          width: 12,
          queries: [[top(gauge("sum", "tidegate_tenant_connections", "tenant")), "{{tenant}}"]],
        },
        {
          title: "Tenants",
          about: "That each gateway has seen since it started",
          unit: "short",
          width: 12,
          queries: [[gauge("max", "tidegate_tenants", "instance"), "{{instance}}"]],
        },
      ],
    },
    {
      title: "Their topics",
      panels: [
        {
          title: "Lag by topic",
          about: "Records that delivery has not placed; small tenants share a topic",
          unit: "short",
          width: 24,
          queries: [
            [
              'topk(10, sum by (topic) (tidegate_pool_partition_lag_records{pool="delivery"}))',
              "{{topic}}",
            ],
          ],
        },
      ],
    },
  ],
};
