import type { RecordTemplate } from "../src/wire/record.ts";
import type { TenantState } from "./tenant-state.ts";

/** Where one user's messages of one conversation go: worked out once, used for each of them. */
export interface Route {
  readonly tenant: TenantState;
  readonly conversation: string;
  readonly topic: string;
  readonly partition: number;
  /** What follows a message's key in its id. */
  readonly idEnd: string;
  readonly template: RecordTemplate;
}
