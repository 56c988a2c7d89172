import { chmodSync, existsSync, rmSync, writeFileSync } from "node:fs";
import { ensureSystemPackage, programPath } from "../../../scripts/check/system-package.ts";
import type { SystemPackage } from "../../../scripts/check/system-package.ts";
import { progress } from "./control.ts";

const POLICY = "/usr/sbin/policy-rc.d";

/** The path of a program, which apt installs where it is missing. Throws with the next step. */
export async function ensureProgram(wanted: SystemPackage): Promise<string> {
  const there = programPath(wanted);
  if (there !== undefined) return there;
  const fault = await withoutDaemons(() => ensureSystemPackage(wanted, progress));
  const path = programPath(wanted);
  if (fault !== undefined || path === undefined) {
    throw new Error(fault ?? `${wanted.command} is not where ${wanted.package} should put it`);
  }
  return path;
}

/**
 * Debian starts what it installs, on the usual port and for good, unless its policy program objects
 * (see `invoke-rc.d`): an answer of 101 means that no service is to be started.
 */
async function withoutDaemons<T>(install: () => Promise<T>): Promise<T> {
  const isOurs = process.getuid?.() === 0 && !existsSync(POLICY);
  if (isOurs) {
    writeFileSync(POLICY, "#!/bin/sh\nexit 101\n");
    chmodSync(POLICY, 0o755);
  }
  try {
    return await install();
  } finally {
    if (isOurs) rmSync(POLICY, { force: true });
  }
}
