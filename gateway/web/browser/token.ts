import { TidegateError } from "../../../src/client/tidegate.ts";

/** A token for the demo tenant, which the gateway gives to everybody while it runs for development. */
export async function fetchDemoToken(user: string): Promise<string> {
  const response = await fetch("/dev/token", {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ user }),
  });
  if (response.status === 404) {
    // Of the codes, the one whose own words the page does not put in the place of these.
    throw new TidegateError(
      "not_found",
      "this gateway checks tokens with keys of its own, and makes none for this demo",
    );
  }
  if (!response.ok) throw new Error(`the gateway answered ${response.status}`);
  const { token } = (await response.json()) as { token: string };
  return token;
}
