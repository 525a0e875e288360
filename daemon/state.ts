/** What lies where in the state directory. */
import { join } from "node:path";

/** The store's file. */
export const storePath = (state: string): string => join(state, "store.kv");

/** The control socket. Its directory is closed to others, and so is it. */
export const controlPath = (state: string): string => join(state, "control.sock");

/** Directory of certificates that the daemon makes for itself; closed to others. */
export const selfMadePath = (state: string): string => join(state, "tls");
