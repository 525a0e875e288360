/** What lies where in the state directory. */
import { join } from "node:path";
import { reasonOf } from "../agents/describe.ts";
import { PosternError } from "../errors.ts";

/** The store's file. */
export const storePath = (state: string): string => join(state, "store.kv");

/** The control socket. Its directory is closed to others, and so is it. */
export const controlPath = (state: string): string => join(state, "control.sock");

/** Directory of certificates that the daemon makes for itself; closed to others. */
export const selfMadePath = (state: string): string => join(state, "tls");

/**
 * Makes the state directory, for its owner alone, where there is none.
 *
 * @throws {PosternError} `document/invalid` where it cannot be made there.
 */
export async function makeState(state: string): Promise<void> {
  try {
    await Deno.mkdir(state, { recursive: true, mode: 0o700 });
  } catch (cause) {
    const what = `Cannot make the state directory ${state}: ${reasonOf(cause)}`;
    throw new PosternError("document/invalid", what, { cause });
  }
}
