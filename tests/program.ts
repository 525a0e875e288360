/** The program under test. */

/** The repository. */
export const ROOT = new URL("..", import.meta.url).pathname;

/** The command, as from a checkout; it becomes Deno by exec, so its process id is the program's. */
export const POSTERN = `${ROOT}bin/postern`;
