/** What one tenant does on one gateway. Totals only rise; adding to them is all that a message costs. */
export interface TenantTally {
  readonly name: string;
  sends: number;
  sendCharacters: number;
  rateLimited: number;
  delivered: number;
}

/** The tallies of a gateway's tenants, of so many at most: of the others nothing is told. */
export class TenantTallies {
  readonly #max: number;
  readonly #tallies = new Map<string, TenantTally>();
  #last: TenantTally = newTally("");

  constructor(max: number) {
    this.#max = max;
  }

  /** Most often the same tenant is asked for again. */
  of(tenant: string): TenantTally {
    if (this.#last.name === tenant) return this.#last;
    let tally = this.#tallies.get(tenant);
    if (tally === undefined) {
      tally = newTally(tenant);
      if (this.#tallies.size < this.#max) this.#tallies.set(tenant, tally);
    }
    this.#last = tally;
    return tally;
  }

  all(): Iterable<TenantTally> {
    return this.#tallies.values();
  }
}

function newTally(name: string): TenantTally {
  return { name, sends: 0, sendCharacters: 0, rateLimited: 0, delivered: 0 };
}
