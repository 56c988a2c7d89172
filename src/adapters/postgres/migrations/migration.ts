/** A step of the database's layout. Once released it never changes: its checksum is kept. */
export interface Migration {
  /** 1, 2, 3 … without holes. */
  readonly number: number;
  readonly name: string;
  /** One or more statements without parameters; unqualified names. */
  readonly sql: string;
}
