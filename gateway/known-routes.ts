import type { Route } from "./route.ts";
import type { TenantState } from "./tenant-state.ts";

/**
 * The places of conversations that were sent to lately. Working one out takes a hash and several texts:
 * three times what the message does, for whoever writes in several conversations in turn. What a user
 * may do there is not among them. Bounded; when it is full all are forgotten.
 */
export class KnownRoutes {
  readonly #workOut: (tenant: TenantState, sender: string, conversation: string) => Route;
  readonly #max: number;
  readonly #senders = new Map<string, Map<string, Route>>();
  #count = 0;

  /** @param workOut gives routes whose texts keep no frame or body */
  constructor(
    workOut: (tenant: TenantState, sender: string, conversation: string) => Route,
    max: number,
  ) {
    this.#workOut = workOut;
    this.#max = max;
  }

  /** How many places are known. */
  get count(): number {
    return this.#count;
  }

  of(tenant: TenantState, sender: string, conversation: string): Route {
    // A tenant's name has no slash.
    const name = `${tenant.name}/${sender}`;
    const known = this.#senders.get(name)?.get(conversation);
    // A tenant that was made anew may be elsewhere.
    if (known !== undefined && known.tenant === tenant) return known;
    const route = this.#workOut(tenant, sender, conversation);
    if (this.#count >= this.#max) {
      this.#senders.clear();
      this.#count = 0;
    }
    let routes = this.#senders.get(name);
    if (routes === undefined) this.#senders.set(name, (routes = new Map<string, Route>()));
    if (!routes.has(route.conversation)) this.#count++;
    routes.set(route.conversation, route);
    return route;
  }
}
