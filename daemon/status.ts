/** What `postern status` is told. */
import type { LogLevel } from "../agents/ports.ts";
import type { StoreTotals } from "../store/types.ts";
import type { EngineStatus } from "./engines/engines.ts";
import type { AgentStatus } from "./agent_keeper.ts";
import type { PoolStatus } from "./pool.ts";

/** Answer of the operation `status`. */
export interface DaemonStatus {
  readonly pid: number;
  /** Name of the user it runs as, or the number. */
  readonly user: string;
  readonly hostname: string;
  readonly deno: string;
  /** Milliseconds since 1970. */
  readonly started: number;
  readonly uptimeMs: number;
  readonly state: string;
  readonly config: string;
  readonly policy: PolicyStatus;
  readonly agents: readonly AgentStatus[];
  readonly scanners: PoolStatus;
  /** The external engines, in the order of the configuration. */
  readonly engines: readonly EngineStatus[];
  /** Octets of messages held now, and how many may be. */
  readonly inFlight: { readonly octets: number; readonly limit: number };
  /** Since the start: `messages`, `octets`, `status.…`, `action.…`, `agent.…`. */
  readonly counters: Readonly<Record<string, number>>;
  readonly store: StoreTotals;
  /** Log lines given up, by place. */
  readonly logDropped: Readonly<Record<string, number>>;
  /** Resident memory of this process, octets. */
  readonly memory: number;
  /** The last reload; absent before the first. */
  readonly reload?: { readonly time: number; readonly by: ReloadCause; readonly error?: string };
  /** What each process and worker may touch. */
  readonly processes: readonly ProcessRow[];
}

/** What asked for a reload: the control socket, SIGHUP, or a change of the policy's files. */
export type ReloadCause = "command" | "signal" | "watch";

/** The policy in force. */
export interface PolicyStatus {
  readonly path: string;
  readonly hash: string;
  readonly revision?: string;
  /** Whether its files are watched. */
  readonly watched: boolean;
}

/** One row of the table of design: what runs, as what, and what it may. */
export interface ProcessRow {
  readonly what: string;
  readonly runsAs: string;
  readonly may: string;
}

/** What the log is told by the parts of the daemon. */
export type Report = (
  level: LogLevel,
  message: string,
  fields?: Readonly<Record<string, string | number | boolean>>,
) => void;
