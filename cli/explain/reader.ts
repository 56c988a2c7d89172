import { compileGrants } from "../../src/policy/capability.ts";
import type { Identity } from "../../src/ports/authenticator.ts";
import { senderOf } from "./sender.ts";
import type { Story } from "./story.ts";
import type { Line } from "./text.ts";

export interface ReaderQuestion {
  readonly user: string;
  /** The user's token, checked; undefined: none was given. */
  readonly identity: Identity | undefined;
  /** Why the token that was given is none. */
  readonly refused: string | undefined;
}

/** Whether a user may have a message, as far as anything that is kept can say it. */
export function readerLines(story: Story, question: ReaderQuestion): readonly Line[] {
  const { user, identity, refused } = question;
  const lines: Line[] = [["user", user]];
  const { stored, tenant } = story;
  if (stored === undefined)
    lines.push(["", "nobody can read it now, whoever it is: see its state above"]);
  else if (senderOf(stored.event) === user) lines.push(["", "has sent it"]);
  if (tenant?.status === "suspended" || tenant?.status === "removing")
    lines.push(["may read", `no: ${tenant.name} is ${tenant.status}`]);
  else if (refused !== undefined) lines.push(["may read", `no, with this token: ${refused}`]);
  else if (identity === undefined)
    lines.push([
      "may read",
      "not known: rights stand in tokens, and none is kept. Give the user's with --token",
    ]);
  else lines.push(["may read", rights(story, user, identity)]);
  lines.push(
    [
      "has read",
      "not known: how far a user has read or been sent is kept by clients, as their cursor",
    ],
    [
      "subscribed",
      "not known here: gateways know their own sockets alone; /metrics of each counts them",
    ],
  );
  return lines;
}

function rights(story: Story, user: string, identity: Identity): string {
  const { stored } = story;
  if (identity.user !== user) return `not known: the token is ${identity.user}'s`;
  if (stored === undefined) return "not known, since nothing says which conversation it is in";
  const { tenant, conversation } = stored;
  if (identity.tenant !== tenant)
    return `no: the token is of tenant ${identity.tenant}, the message of ${tenant}`;
  const grants = compileGrants(identity.capabilities);
  const allowed = (["subscribe", "history"] as const).filter((one) =>
    grants.allows(one, conversation),
  );
  if (allowed.length === 0)
    return `no: the token allows neither subscribe nor history of ${JSON.stringify(conversation)}`;
  return `yes: the token allows ${allowed.join(" and ")}`;
}
