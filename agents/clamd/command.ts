/** Commands of clamd(8). */

/** Commands that name a path. */
export const PATH_COMMANDS = ["SCAN", "CONTSCAN", "MULTISCAN", "ALLMATCHSCAN"] as const;
/** One of {@link PATH_COMMANDS}. */
export type PathCommand = (typeof PATH_COMMANDS)[number];

/** Commands without an argument. */
const PLAIN_COMMANDS = [
  "PING",
  "VERSION",
  "VERSIONCOMMANDS",
  "STATS",
  "RELOAD",
  "SHUTDOWN",
  "INSTREAM",
  "FILDES",
  "IDSESSION",
  "END",
] as const;
type PlainCommand = (typeof PLAIN_COMMANDS)[number];

/** What a client asks. */
export type Command =
  | { readonly name: PlainCommand }
  | { readonly name: PathCommand; readonly path: string };

/** Those that clamd takes without `n` or `z` before them, as its first versions had them. */
const OLD_FORM: ReadonlySet<string> = new Set([
  "PING",
  "VERSION",
  "RELOAD",
  "SHUTDOWN",
  "SCAN",
  "CONTSCAN",
  "MULTISCAN",
]);

/** Those that a session (IDSESSION) knows: clamd answers all others with an error and ends it. */
const IN_SESSION: ReadonlySet<string> = new Set([
  "PING",
  "VERSION",
  "VERSIONCOMMANDS",
  "STATS",
  "INSTREAM",
  "FILDES",
  "SCAN",
  "END",
]);

/** What VERSIONCOMMANDS says: what is of use here. */
export const KNOWN_COMMANDS: readonly string[] = [
  "SCAN",
  "PING",
  "CONTSCAN",
  "VERSIONCOMMANDS",
  "VERSION",
  "END",
  "MULTISCAN",
  "STATS",
  "IDSESSION",
  "INSTREAM",
  "ALLMATCHSCAN",
];

/**
 * Reads a command.
 *
 * @param line Without prefix and end.
 * @param old Whether it came without a prefix.
 * @returns `undefined` for what clamd does not know: names are in upper case, and what has no argument has none.
 */
export function parseCommand(line: string, old: boolean): Command | undefined {
  const text = line.replace(/[\r\n]+$/, "");
  const space = text.indexOf(" ");
  const word = space === -1 ? text : text.slice(0, space);
  if (old && !OLD_FORM.has(word)) return undefined;
  const path = PATH_COMMANDS.find((name) => name === word);
  if (path) return space === -1 ? undefined : { name: path, path: text.slice(space + 1) };
  const plain = PLAIN_COMMANDS.find((name) => name === word);
  return plain && space === -1 ? { name: plain } : undefined;
}

/** Whether it may stand between IDSESSION and END. */
export function isSessionCommand({ name }: Command): boolean {
  return IN_SESSION.has(name);
}
