import { AppError, type ErrorCode } from "../../errors.ts";
import { databaseErrorCode } from "./database.ts";

/** What a thread can be asked: methods with values that survive a structured clone. */
export type ThreadApi<Api> = { [Method in keyof Api]: (...args: never[]) => unknown };

export interface ThreadRequest {
  readonly call: number;
  readonly method: string;
  readonly args: readonly unknown[];
}

export type ThreadReply =
  | { readonly call: number; readonly value: unknown }
  | { readonly call: number; readonly code: ErrorCode; readonly message: string };

/** Runs the method that a request names and answers with what it returns or throws. */
export function answer(api: object, request: ThreadRequest): ThreadReply {
  const { call, method, args } = request;
  try {
    const run = (api as Record<string, (...args: readonly unknown[]) => unknown>)[method];
    if (run === undefined) throw new AppError("internal", `The thread has no ${method}`);
    return { call, value: run.apply(api, [...args]) };
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    return { call, code: databaseErrorCode(error), message };
  }
}
