/**
 * A name as a `text` column can hold it: PostgreSQL has no NUL. U+0001 begins an escape; ordinary
 * names, which have no control characters, stay as they are for whoever looks at the tables.
 */
export function storedName(name: string): string {
  return name.replaceAll("\u0001", "\u0001b").replaceAll("\u0000", "\u0001a");
}

/** What {@link storedName} was made of. */
export function nameOf(stored: string): string {
  return stored.includes("\u0001")
    ? stored.replaceAll("\u0001a", "\u0000").replaceAll("\u0001b", "\u0001")
    : stored;
}
