/** Names that the program may be called by beside its own, and the command that each stands for. */

/** By the last part of the path; the words of the call follow. */
const NAMES: Readonly<Record<string, (words: readonly string[]) => readonly string[]>> = {
  esets_cli: (words) => ["esets-cli", ...words],
  esets_scan: (words) => ["esets-cli", ...words],
  esets_pipe: (words) => ["pipe", ...words],
  esets_cgp: (words) => ["cgp", ...words],
  esets_zmfi: (words) => ["zmailer", ...words],
  esets_mda: classicMda,
  "qmail-queue": (words) => ["qmail-queue", ...words],
  "postern-qmail-queue": (words) => ["qmail-queue", ...words],
};

/**
 * The command line that a call under another name means.
 *
 * @param name What the program was called, with or without a path.
 * @returns `args` where the name means nothing else.
 */
export function calledAs(name: string, args: readonly string[]): readonly string[] {
  const last = name.slice(name.lastIndexOf("/") + 1);
  return (Object.hasOwn(NAMES, last) ? NAMES[last]?.(args) : undefined) ?? args;
}

/**
 * esets_mda: what stands before ` -- ` is for the real delivery agent, what follows is for the wrapper (`--sender`, `--recipient`).
 * Which agent that is, `--mda PATH` says, or $POSTERN_MDA.
 */
function classicMda(words: readonly string[]): readonly string[] {
  const at = words.lastIndexOf("--");
  const before = at < 0 ? words : words.slice(0, at);
  const own: string[] = [];
  let program: string | undefined;
  const after = (at < 0 ? [] : words.slice(at + 1)).flatMap((word) => {
    const match = /^(--[a-z]+)=(.*)$/s.exec(word);
    return match ? [match[1]!, match[2]!] : [word];
  });
  for (let i = 0; i < after.length; i++) {
    const word = after[i]!;
    if (word === "--sender") own.push("--from", after[++i] ?? "");
    else if (word === "--mda") program = after[++i];
    else own.push(word);
  }
  program ??= Deno.env.get("POSTERN_MDA");
  return ["mda", ...own, "--", ...(program === undefined ? [] : [program, ...before])];
}
