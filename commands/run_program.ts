/** Runs the program that a wrapper stands in front of, as it would have been run without the wrapper. */

/** How it ended. */
export interface Ended {
  readonly code: number;
  /** The signal that ended it. */
  readonly signal?: string;
}

/**
 * The environment that the caller gave: bin/postern names in `POSTERN_ENVIRONMENT` what it added.
 *
 * @param environment This process's.
 */
export function realEnvironment(environment: Record<string, string>): Record<string, string> {
  const added = (environment["POSTERN_ENVIRONMENT"] ?? "").split(" ");
  return Object.fromEntries(
    Object.entries(environment).filter(([name]) =>
      !added.includes(name) && name !== "POSTERN_ENVIRONMENT"
    ),
  );
}

/**
 * Runs a program with a message on its stdin; stdout and stderr are this process's. A program that ends without reading has done
 * what it wanted to do: its status counts, and not that it did not read.
 *
 * @throws {Error} where it cannot be started.
 */
export async function runWithMessage(
  program: string,
  args: readonly string[],
  message: Uint8Array,
  environment: Record<string, string>,
): Promise<Ended> {
  const command = new Deno.Command(program, {
    args: [...args],
    env: environment,
    clearEnv: true,
    stdin: "piped",
    stdout: "inherit",
    stderr: "inherit",
  });
  let child: Deno.ChildProcess;
  try {
    child = command.spawn();
  } catch (cause) {
    throw new Error(`Cannot run ${program}`, { cause });
  }
  const writer = child.stdin.getWriter();
  const written = writer.write(message).then(() => writer.close()).catch(() => {});
  const { code, signal } = await child.status;
  await written;
  return signal === null ? { code } : { code, signal };
}
