/** What a token may allow in a conversation; `publish`: events of a type, by the type's name. */
export const CAPABILITIES = ["subscribe", "send", "history", "publish"] as const;
export type Capability = (typeof CAPABILITIES)[number];

/**
 * Pattern of conversations or types (`*` stands for any run of characters, also none) → what is
 * allowed there.
 */
export type CapabilityMap = Readonly<Record<string, readonly Capability[]>>;

export interface Grants {
  /** Whether any pattern that matches the conversation or type allows this. */
  allows(capability: Capability, name: string): boolean;
}

/** Compiles an identity's capabilities once. What no pattern allows is not allowed. */
export function compileGrants(capabilities: CapabilityMap): Grants {
  const rules = Object.entries(capabilities).map(([pattern, allowed]) => ({
    matches: compilePattern(pattern),
    allowed: new Set(allowed),
  }));
  return {
    allows: (capability, name) =>
      rules.some((rule) => rule.allowed.has(capability) && rule.matches(name)),
  };
}

/**
 * Matches the pieces between the stars from left to right, each at its first place, and never goes
 * back: with only stars between them, an earlier place leaves the most room. Rejected: a regular
 * expression, since a token's author could make its backtracking cost seconds.
 */
function compilePattern(pattern: string): (name: string) => boolean {
  const pieces = pattern.split("*");
  const first = pieces[0] ?? "";
  const last = pieces.at(-1) ?? "";
  if (pieces.length === 1) return (name) => name === pattern;
  const middle = pieces.slice(1, -1).filter((piece) => piece !== "");
  return (name) => {
    if (!name.startsWith(first) || !name.endsWith(last)) return false;
    const end = name.length - last.length;
    let at = first.length;
    for (const piece of middle) {
      const found = name.indexOf(piece, at);
      if (found < 0) return false;
      at = found + piece.length;
    }
    return at <= end;
  };
}
