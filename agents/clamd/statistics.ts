import type { ClamdContext } from "./context.ts";

/** What STATS says, in the shape of clamd's: programs read its first lines and its END. */
export function statistics({ active, settings, draining }: ClamdContext): string {
  return [
    "POOLS: 1",
    "",
    `STATE: ${draining ? "EXITING" : "VALID"} PRIMARY`,
    `THREADS: live ${active}  idle 0 max ${settings.sessions} idle-timeout ${
      Math.round(settings.commandMs / 1000)
    }`,
    "QUEUE: 0 items",
    "",
    "MEMSTATS: heap N/A mmap N/A used N/A free N/A releasable N/A pools 0 pools_used N/A pools_total N/A",
    "END",
  ].join("\n");
}
