import { AppError } from "../src/errors.ts";
import type { Identity } from "../src/ports/authenticator.ts";
import { momentOf } from "../src/ports/clock.ts";
import type { Receipt } from "../src/wire/frame.ts";
import type { Gateway } from "./gateway.ts";
import type { MessageService } from "./message-service.ts";
import type { Completion } from "./producer.ts";

/** The message service over a gateway's own ingress and store: what HTTP requests use. */
export function createMessageService(gateway: Gateway): MessageService {
  return {
    async send(identity, command, entry): Promise<Receipt> {
      const { grants, tenant } = await gateway.admit(identity);
      const { conversation } = command;
      if (!grants.allows("send", conversation)) throw forbidden("send to", conversation);
      const route = gateway.ingress.route(tenant, identity.user, conversation);
      const message = gateway.ingress.idOf(route, command.key);
      await gateway.failover?.fresh();
      return new Promise((resolve, reject) => {
        const completion: Completion = {
          appended(partition, offset) {
            const at = { partition, offset: String(offset) };
            resolve({ message, durability: gateway.durability, at });
          },
          kept: () => resolve({ message, durability: "outbox" }),
          failed: reject,
          ...(entry !== undefined && { entry }),
        };
        const at = momentOf(gateway.clock);
        const refused = gateway.ingress.submit(route, message, command, completion, at);
        if (refused === undefined) return;
        gateway.ingress.countRefused(tenant, refused);
        reject(refused);
      });
    },

    async history(identity: Identity, query) {
      const session = await gateway.admit(identity);
      if (!gateway.mayReadHistory(session, query.conversation))
        throw forbidden("read", query.conversation);
      return gateway.readHistory(session.tenant, query);
    },
  };
}

function forbidden(what: string, conversation: string): AppError {
  return new AppError(
    "forbidden",
    `the token does not allow to ${what} ${JSON.stringify(conversation)}`,
  );
}
