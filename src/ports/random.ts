/** The only source of chance; seeded in the simulation. */
export interface Random {
  /** In [0, 1). */
  next(): number;
  /** RFC 9562 version 7; MUST be unguessable outside the simulation. */
  uuidv7(): string;
}
