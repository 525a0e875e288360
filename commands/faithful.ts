/**
 * What a wrapper was started with and cannot hand on: the runtime reads arguments and environment as UTF-8, and changes or drops
 * what is not.
 */

/** Variables that say whose mail is delivered to whom and where: local(8), Exim's pipe transport, qmail-command(8), the shell. */
const TELLING: ReadonlySet<string> = new Set([
  "DEFAULT",
  "DOMAIN",
  "EXT",
  "EXTENSION",
  "HOME",
  "HOST",
  "LOCAL",
  "LOGNAME",
  "NEWSENDER",
  "ORIGINAL_RECIPIENT",
  "RECIPIENT",
  "SENDER",
  "USER",
]);

/** What stands in an argument for octets that are not UTF-8. */
const REPLACEMENT = "\uFFFD";

/**
 * Refuses what would be another delivery than the one that was asked for. To be called before permissions are given up.
 *
 * @param args As the runtime has them.
 * @throws {Error} that says which argument or variable is not UTF-8.
 */
export function refuseUnfaithful(args: readonly string[] = Deno.args): void {
  const changed = args.find((argument) => argument.includes(REPLACEMENT));
  if (changed !== undefined) {
    throw new Error(`An argument is not UTF-8 and cannot be handed on as it is: ${changed}`);
  }
  const dropped = unreadable(environment()).find((name) => TELLING.has(name));
  if (dropped !== undefined) {
    throw new Error(`$${dropped} is not UTF-8 and cannot be handed on as it is`);
  }
}

/**
 * @param block Octets of an environment, `NAME=VALUE` and NUL each.
 * @returns Names of those that are not UTF-8.
 */
export function unreadable(block: Uint8Array): string[] {
  const names: string[] = [];
  for (let at = 0; at < block.length;) {
    const end = block.indexOf(0, at);
    const variable = block.subarray(at, end < 0 ? block.length : end);
    at += variable.length + 1;
    try {
      new TextDecoder("utf-8", { fatal: true }).decode(variable);
    } catch {
      names.push(new TextDecoder().decode(variable).split("=", 1)[0] ?? "");
    }
  }
  return names;
}

function environment(): Uint8Array {
  try {
    return Deno.readFileSync("/proc/self/environ");
  } catch (error) {
    // A system without it, or one that shows it to nobody: that is no reason to deliver no mail.
    const { NotFound, PermissionDenied } = Deno.errors;
    if (error instanceof NotFound || error instanceof PermissionDenied) return new Uint8Array();
    throw error;
  }
}
