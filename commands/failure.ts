/** What people see when a command cannot do its work: one sentence, its causes, what to do. No stack unless asked for. */
import { withoutCall } from "../agents/describe.ts";
import { type ErrorCode, PosternError } from "../errors.ts";
import { EXIT, failureStatus } from "./command.ts";
import { complain, visible } from "./output.ts";

/** Exit status by the part of the code before the slash. */
const STATUS: Readonly<Record<string, number>> = {
  document: EXIT.config,
  policy: EXIT.config,
  command: EXIT.usage,
  wire: EXIT.unavailable,
  smtp: EXIT.unavailable,
  scan: EXIT.unavailable,
  store: EXIT.temporary,
  quarantine: EXIT.failed,
  mailbox: EXIT.unavailable,
  daemon: EXIT.unavailable,
  module: EXIT.data,
};

/** What helps, where we know. */
const HINTS: Readonly<Partial<Record<ErrorCode, string>>> = {
  "daemon/not-running":
    "Start it with `postern daemon` (or `make run`), or name its socket with --socket PATH.",
  "store/locked": "A daemon has the store open: use the command while it runs, or stop it first.",
};

/**
 * @returns The error's own sentence and those of its causes, without repeating. A document's error has a line for each issue; all
 * other line ends are shown, so that no name from outside makes a line of its own.
 */
export function describe(error: unknown): string {
  const sentences: string[] = [];
  for (let at = error, depth = 0; at !== undefined && depth < 5; depth++) {
    const text = sentenceOf(at, depth === 0);
    if (text !== "" && !sentences.some((earlier) => earlier.includes(text))) sentences.push(text);
    at = at instanceof Error ? at.cause : undefined;
  }
  const text = sentences.join(": ");
  const ours = error instanceof PosternError && error.code.startsWith("document/");
  return ours ? text.split("\n").map(visible).join("\n") : visible(text);
}

/** An error's own words. Its path is the runtime's to tell where it is all that there is, and else stands in our sentence. */
function sentenceOf(error: unknown, alone: boolean): string {
  const message = error instanceof Error ? error.message : String(error);
  const path = / \(os error \d+\): \w+ '([^']*)'/.exec(message)?.[1];
  const text = withoutCall(message);
  return alone && path !== undefined && !text.includes(path) ? `${path}: ${text}` : text;
}

/** Whether stacks are wanted: POSTERN_DEBUG is set. */
export function debugging(): boolean {
  try {
    return (Deno.env.get("POSTERN_DEBUG") ?? "") !== "";
  } catch {
    return false;
  }
}

/**
 * Tells stderr what went wrong.
 *
 * @param command Name of the sub-command: those that mail servers call have exit statuses of their own.
 * @returns The exit status.
 */
export function reportFailure(error: unknown, command: string): number {
  complain(`postern: ${describe(error)}`);
  const hint = error instanceof PosternError ? HINTS[error.code] : undefined;
  if (hint !== undefined) complain(hint);
  if (debugging() && error instanceof Error) complain(error.stack ?? "");
  const only = failureStatus(command);
  if (only !== undefined) return only;
  if (error instanceof PosternError) {
    return STATUS[error.code.split("/")[0] ?? ""] ?? EXIT.internal;
  }
  if (error instanceof Deno.errors.NotFound) return EXIT.noInput;
  return EXIT.internal;
}
