import { kafkajsLacks } from "../../kafka/kafkajs-lacks.ts";
import type { KafkaSettings } from "../../kafka/settings.ts";

/** @throws TypeError that names the setting, the reason and what to set instead */
export function assertCapable(settings: KafkaSettings): void {
  for (const { setting, value, reason, instead } of kafkajsLacks(settings))
    throw new TypeError(
      `${setting}=${value} needs KAFKA_CLIENT=platformatic: ${reason}. Set ${instead}`,
    );
}
