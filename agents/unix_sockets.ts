/** What the runtime knows of unix sockets. A file of its own: who starts a scanner asks it, and needs nothing else of the table. */

/**
 * Whether the runtime has a net permission for single unix sockets. Before Deno 2.9 there is none: a socket takes read and write
 * alone, and to name it is an error.
 */
export const NAMES_UNIX_SOCKETS: boolean = (() => {
  const [major = 0, minor = 0] = Deno.version.deno.split(".").map(Number);
  return major > 2 || (major === 2 && minor >= 9);
})();
