/** What `postern status` is told, from the parts of the daemon. */
import { describePermissions } from "../agents/permissions.ts";
import type { Config } from "../policy/config.ts";
import { userName } from "./confine.ts";
import type { AgentStatus } from "./agent_keeper.ts";
import type { EngineStatus } from "./engines/engines.ts";
import type { PoolStatus } from "./pool.ts";
import type { DaemonStatus, ProcessRow } from "./status.ts";

/** What cannot be seen from here. */
export type StatusParts =
  & Pick<
    DaemonStatus,
    "started" | "config" | "policy" | "inFlight" | "counters" | "store" | "logDropped" | "reload"
  >
  & {
    readonly document: Config;
    readonly agents: readonly AgentStatus[];
    readonly scanners: PoolStatus;
    readonly engines: readonly EngineStatus[];
    /** Rows of external engines and the sealer in the table of what may what. */
    readonly otherProcesses: readonly ProcessRow[];
  };

/** Puts the answer together. */
export function statusReport(parts: StatusParts): DaemonStatus {
  const { document, agents, scanners, otherProcesses, ...rest } = parts;
  const user = userName();
  return {
    pid: Deno.pid,
    user,
    hostname: document.hostname ?? Deno.hostname(),
    deno: Deno.version.deno,
    uptimeMs: Date.now() - parts.started,
    state: document.state,
    agents,
    scanners,
    memory: Deno.memoryUsage().rss,
    ...rest,
    processes: [
      { what: "daemon", runsAs: `process, user ${user}`, may: `its state in ${document.state}` },
      ...agents.map(({ agent, name, permissions }) => ({
        what: `${agent} ${name}`,
        runsAs: "worker of the daemon",
        may: describePermissions(permissions),
      })),
      scannerRow(scanners, user),
      ...otherProcesses,
      { what: "policy reader", runsAs: "process with a worker, for each reading", may: "nothing" },
    ],
  };
}

function scannerRow(scanners: PoolStatus, user: string): ProcessRow {
  return {
    what: "scanner",
    runsAs: `processes, user ${scanners.user ?? user}, with a worker in each`,
    may: scanners.kernelRefuses.length === 0
      ? "nothing"
      : `nothing; the kernel, too, refuses ${scanners.kernelRefuses.join(", ")}`,
  };
}
