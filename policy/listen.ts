/** Where agents listen, as configurations say it. */

/** Whether a socket is meant that was opened by who started the daemon (systemd) and passed to it: `fd:NAME`, `fd:3`. */
export function isPassed(listen: string): boolean {
  return listen.startsWith("fd:");
}
