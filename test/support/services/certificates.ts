import { chmod } from "node:fs/promises";
import { join } from "node:path";
import { run } from "../../../scripts/check/run.ts";
import { ensureProgram } from "./apt.ts";

const DEADLINE_MS = 30_000;

/** The path of one of the files that {@link makeAuthority} and {@link issue} leave in a folder. */
export function pem(folder: string, name: string): string {
  return join(folder, `${name}.pem`);
}

/** A certificate authority: `ca.pem` and `ca-key.pem` in the folder. */
export async function makeAuthority(folder: string, name = "Tidegate tests"): Promise<void> {
  await openssl(folder, [
    "req",
    "-x509",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-days",
    "30",
    "-subj",
    `/CN=${name}`,
    "-keyout",
    "ca-key.pem",
    "-out",
    "ca.pem",
    "-addext",
    "keyUsage=critical,keyCertSign,cRLSign",
  ]);
}

/**
 * A certificate of the folder's authority for the loopback addresses: `<name>.pem`,
 * `<name>-key.pem`, and both in `<name>-store.pem`.
 *
 * @param days its life; 0: it is expired a second after it was made
 */
export async function issue(folder: string, name: string, days = 30): Promise<void> {
  const [key, request, out] = [`${name}-key.pem`, `${name}.csr`, `${name}.pem`];
  await openssl(folder, [
    "req",
    "-new",
    "-newkey",
    "ec",
    "-pkeyopt",
    "ec_paramgen_curve:P-256",
    "-nodes",
    "-subj",
    `/CN=${name}`,
    "-keyout",
    key,
    "-out",
    request,
    "-addext",
    "subjectAltName=DNS:localhost,IP:127.0.0.1,IP:::1",
  ]);
  await openssl(folder, [
    "x509",
    "-req",
    "-in",
    request,
    "-CA",
    "ca.pem",
    "-CAkey",
    "ca-key.pem",
    "-CAcreateserial",
    "-days",
    String(days),
    "-copy_extensions",
    "copy",
    "-out",
    out,
  ]);
  const parts = [key, out].map((file) => Bun.file(join(folder, file)).text());
  const store = pem(folder, `${name}-store`);
  await Bun.write(store, (await Promise.all(parts)).join(""));
  await chmod(store, 0o600);
}

async function openssl(folder: string, args: readonly string[]): Promise<void> {
  const program = await ensureProgram({ command: "openssl", package: "openssl" });
  const command = ["sh", "-c", 'cd "$0" && exec "$@"', folder, program, ...args];
  const ended = await run(command, { deadlineMs: DEADLINE_MS, onProgress() {} });
  if (ended.exitCode !== 0) throw new Error(`openssl ${args.join(" ")} failed:\n${ended.output}`);
}
