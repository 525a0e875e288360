import { PosternError } from "../errors.ts";

/** An error and its causes in one line, for the log. */
export function describe(error: unknown): string {
  if (!(error instanceof Error)) return String(error);
  const cause = error.cause === undefined ? "" : `: ${describe(error.cause)}`;
  return `${error instanceof PosternError ? `${error.code} ` : ""}${error.message}${cause}`;
}
