import type { Connection } from "./connection.ts";

interface UserName {
  readonly tenant: string;
  readonly user: string;
}

const NONE: readonly Connection[] = [];

/** Connections by user. A user with one connection, the usual case, costs no set. */
export class Users {
  readonly #byName = new Map<string, Connection | Connection[]>();

  /** @returns whether it is the user's first connection here */
  add(name: UserName, connection: Connection): boolean {
    const key = keyOf(name.tenant, name.user);
    const had = this.#byName.get(key);
    if (had === undefined) this.#byName.set(key, connection);
    else if (Array.isArray(had)) had.push(connection);
    else this.#byName.set(key, [had, connection]);
    return had === undefined;
  }

  /** @returns whether it was the user's last connection here */
  remove(name: UserName, connection: Connection): boolean {
    const key = keyOf(name.tenant, name.user);
    const had = this.#byName.get(key);
    if (had === undefined) return false;
    const rest = Array.isArray(had)
      ? had.filter((one) => one !== connection)
      : had === connection
        ? []
        : [had];
    if (rest.length > 0) this.#byName.set(key, rest);
    else this.#byName.delete(key);
    return rest.length === 0;
  }

  of(tenant: string, user: string): readonly Connection[] {
    const had = this.#byName.get(keyOf(tenant, user));
    return had === undefined ? NONE : Array.isArray(had) ? had : [had];
  }
}

/** A tenant's name has no slash. */
function keyOf(tenant: string, user: string): string {
  return `${tenant}/${user}`;
}
