import type { Ingress, Route } from "../ingress.ts";
import type { Session } from "../session.ts";

/**
 * Places of conversations that bodies of the same user share, since working one out takes a hash:
 * what a user may do there is not among them. Bounded; when it is full all are forgotten.
 */
export class KnownRoutes {
  readonly #ingress: Pick<Ingress, "route">;
  readonly #max: number;
  readonly #users = new Map<string, Map<string, Route>>();
  #count = 0;

  constructor(ingress: Pick<Ingress, "route">, max: number) {
    this.#ingress = ingress;
    this.#max = max;
  }

  /** How many places are known. */
  get count(): number {
    return this.#count;
  }

  route(session: Session, conversation: string): Route {
    const { tenant, identity } = session;
    // A tenant's name has no slash.
    const user = `${identity.tenant}/${identity.user}`;
    const known = this.#users.get(user)?.get(conversation);
    if (known !== undefined && known.tenant === tenant) return known;
    const route = this.#ingress.route(tenant, identity.user, conversation);
    if (this.#count >= this.#max) {
      this.#users.clear();
      this.#count = 0;
    }
    let routes = this.#users.get(user);
    if (routes === undefined) this.#users.set(user, (routes = new Map<string, Route>()));
    if (!routes.has(route.conversation)) this.#count++;
    routes.set(route.conversation, route);
    return route;
  }
}
