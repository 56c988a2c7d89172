import { asAppError } from "../../src/errors.ts";
import { KAFKA_FAULTS, kafkaFault } from "../../src/kafka/error.ts";
import { Fault } from "./check.ts";

export const faultOf = (name: keyof typeof KAFKA_FAULTS, message: string): Fault =>
  new Fault(message, KAFKA_FAULTS[name].hint);

/** Any error of a client or the log, as what is wrong and where to look. */
export function kafkaFaultOf(error: unknown): Fault {
  const app = asAppError(error);
  // The contract's own errors speak for themselves; what a client threw is classified.
  const { hint, message, name } = kafkaFault(app.cause ?? error);
  return name === "other" ? new Fault(app.message, hint) : new Fault(message, hint);
}
