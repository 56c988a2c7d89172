import type { JWTPayload } from "jose";
import { AppError } from "../../errors.ts";
import type { Limits } from "../../limits.ts";
import { CAPABILITIES, type Capability, type CapabilityMap } from "../../policy/capability.ts";
import type { Identity } from "../../ports/authenticator.ts";
import { isTenant, nameFault } from "../../wire/name.ts";

const refuse = (message: string): AppError => new AppError("unauthenticated", message);

/**
 * Who a verified token's claims speak of. Without `capabilities` nothing is allowed.
 *
 * @throws AppError `unauthenticated` when a claim is missing or not what it must be
 */
export function claimsIdentity(claims: JWTPayload, limits: Limits): Identity {
  const { tenant, sub, exp, capabilities } = claims;
  if (typeof tenant !== "string" || !isTenant(tenant)) {
    throw refuse("The token's tenant is missing or not a tenant's name");
  }
  const fault = typeof sub === "string" ? nameFault(sub, limits.userBytesMax) : "is missing";
  if (typeof sub !== "string" || fault !== undefined) throw refuse(`The token's sub ${fault}`);
  // JSON has numbers like 1e999, which read as Infinity: a token without end that pretends to end.
  if (exp !== undefined && !Number.isFinite(exp)) throw refuse("The token's exp is not a time");
  return {
    tenant,
    user: sub,
    capabilities: capabilityMap(capabilities, limits),
    expiresAt: exp,
  };
}

function capabilityMap(claim: unknown, limits: Limits): CapabilityMap {
  // Without prototype, so that a pattern named __proto__ is an entry like any other.
  const map = Object.create(null) as Record<string, readonly Capability[]>;
  if (claim === undefined) return map;
  if (typeof claim !== "object" || claim === null || Array.isArray(claim)) {
    throw refuse("The token's capabilities are not an object");
  }
  const entries = Object.entries(claim as Record<string, unknown>);
  if (entries.length > limits.capabilityPatternsMax) {
    throw refuse(`The token has more than ${limits.capabilityPatternsMax} capability patterns`);
  }
  for (const [pattern, allowed] of entries) {
    const fault = nameFault(pattern, limits.capabilityPatternBytesMax);
    if (fault !== undefined) throw refuse(`A capability pattern of the token ${fault}`);
    if (!Array.isArray(allowed)) throw refuse("A capability of the token is not a list");
    // Unknown ones are left out, not refused: tokens may be made for a newer gateway too.
    map[pattern] = CAPABILITIES.filter((capability) => allowed.includes(capability));
  }
  return map;
}
