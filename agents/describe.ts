import { PosternError } from "../errors.ts";

/** An error and its causes in one line, for the log. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `: ${describe(error.cause)}`;
  return `${error instanceof PosternError ? `${error.code} ` : ""}${error.message}${cause}`;
}

/** The system's reason in its words: without the runtime's number and name of the call, which the sentence before it has. */
export function reasonOf(error: unknown): string {
  return withoutCall(error instanceof Error ? error.message : String(error));
}

/** The runtime's number of an error, and the call that met it with its path. */
const CALL = / \(os error \d+\)(?:: \w+ '[^']*')?/g;

/** A message of the runtime without what only it knows. */
export function withoutCall(message: string): string {
  return message.replace(CALL, "");
}
