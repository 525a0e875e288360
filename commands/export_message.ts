/** How a quarantined message is written out. */
import { closeSync, constants, fsyncSync, openSync, unlinkSync, writeSync } from "node:fs";
import { resolve } from "node:path";
import { PosternError } from "../errors.ts";
import { handOver } from "./output.ts";

/**
 * Writes a quarantined message where nobody runs it by mistake.
 *
 * @param output Path; `-` is stdout (not a terminal); `""` is `ID.eml.quarantined` in the working directory.
 * @returns where it went: an absolute path, or `stdout`.
 * @throws {Error} where not all of it was written; a file is not left behind then.
 */
export function exportMessage(id: string, output: string, octets: Uint8Array): string {
  if (output === "-") {
    if (Deno.stdout.isTerminal()) {
      throw new PosternError(
        "command/usage",
        "A message is not written to a terminal, which would obey it: name a file or a pipe",
      );
    }
    handOver(octets);
    return "stdout";
  }
  const path = resolve(output || `${id}.eml.quarantined`);
  const { O_CREAT, O_EXCL, O_WRONLY, O_NOFOLLOW } = constants;
  let file: number;
  try {
    file = openSync(path, O_CREAT | O_EXCL | O_WRONLY | (O_NOFOLLOW ?? 0), 0o600);
  } catch (error) {
    throw new PosternError("command/usage", `Cannot write ${path}`, { cause: error });
  }
  try {
    for (let at = 0; at < octets.length;) at += writeSync(file, octets, at);
    fsyncSync(file);
  } catch (cause) {
    unlinkSync(path);
    throw new PosternError("store/failed", `Cannot write ${path}`, { cause });
  } finally {
    closeSync(file);
  }
  return path;
}
