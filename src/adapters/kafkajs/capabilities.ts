import type { KafkaSettings } from "../../kafka/settings.ts";
import { kafkajsLacks } from "../../kafkajs-lacks.ts";

/** @throws TypeError that names the setting, the reason and what to set instead */
export function assertCapable(settings: KafkaSettings): void {
  for (const { setting, value, reason, instead } of kafkajsLacks(settings))
    throw new TypeError(
      `${setting}=${value} needs KAFKA_CLIENT=platformatic: ${reason}. Set ${instead}`,
    );
}
