/** Asking git about documents. */
import { systemTool } from "../confine.ts";

/**
 * Standard output of a git command that went well; `undefined` where it did not, or there is no git. Nothing of the repository's
 * own configuration is run.
 *
 * @param directory Where it is asked.
 * @param timeMs How long it may take, ms.
 */
export async function gitOutput(
  directory: string,
  args: readonly string[],
  timeMs: number,
): Promise<Uint8Array | undefined> {
  const program = systemTool("git");
  if (!program) return undefined;
  try {
    const output = await new Deno.Command(program, {
      args: [
        "-C",
        directory,
        "-c",
        "core.fsmonitor=false",
        "-c",
        "core.hooksPath=/dev/null",
        ...args,
      ],
      env: { GIT_OPTIONAL_LOCKS: "0", LC_ALL: "C" },
      stdin: "null",
      stdout: "piped",
      stderr: "null",
      signal: AbortSignal.timeout(timeMs),
    }).output();
    return output.success ? output.stdout : undefined;
  } catch {
    return undefined;
  }
}
