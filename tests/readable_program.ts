/** The program where every user can run it: mail servers start it as others, and a checkout may lie where they cannot go. */
import { run } from "./peers/process.ts";
import { ROOT } from "./program.ts";

/**
 * Installs the checkout as `make install` does.
 *
 * @param directory One that others may enter; all of it lies below.
 * @returns Path of the command.
 */
export async function readableProgram(directory: string): Promise<string> {
  const below = (name: string) => `${directory}/installed/${name}`;
  const folders = ["lib", "bin", "etc", "units"].map(below);
  const { code, stdout, stderr } = await run(
    `${ROOT}commands/tools/install.sh`,
    ["", ...folders],
    { environment: { ...Deno.env.toObject(), POSTERN_DENO: Deno.execPath() } },
  );
  if (code !== 0) throw new Error(`Cannot install: ${stdout}${stderr}`);
  return below("bin/postern");
}
