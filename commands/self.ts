/** This program, to be started once more. */
import { fileURLToPath } from "node:url";
import { FROM_SOURCE } from "../daemon/entries.ts";

/** Features that the configuration of a checkout turns on, for a bundle that has none. */
const UNSTABLE = ["--unstable-worker-options", "--unstable-kv", "--unstable-net"];

/**
 * Program and arguments that run a sub-command as it would be from a shell.
 *
 * @param args Name of the sub-command and what follows it.
 */
export function selfCommand(args: readonly string[]): readonly [string, ...string[]] {
  const program = Deno.execPath();
  if (Deno.build.standalone) return [program, ...args];
  const flags = ["run", "--quiet", "--no-prompt", "--no-check", "--allow-all"];
  const main = fileURLToPath(Deno.mainModule);
  if (FROM_SOURCE) return [program, ...flags, main, ...args];
  return [program, ...flags, "--no-config", ...UNSTABLE, main, ...args];
}
