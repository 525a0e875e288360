import type { ScanSettings, Verdict } from "../engine/types.ts";
import type { AgentName, Direction, Envelope, Outcome } from "../policy/types.ts";
import type { DecisionTree } from "../policy/tree.ts";
import type { MarkField } from "./marking.ts";

/** How recipients whose outcomes differ are treated. */
export type Splitting =
  | "copies" // each group of recipients gets its own copy
  | "strictest"; // one outcome for all: the strictest

/** One message on its way. */
export interface WayRequest {
  readonly agent: AgentName;
  /** Name of the listener in the configuration. */
  readonly listener: string;
  readonly queueId: string;
  /** Milliseconds since 1970, of the transaction's begin. */
  readonly time: number;
  readonly envelope: Envelope;
  /** Whether the client's connection was encrypted; absent where there is none. */
  readonly tls?: boolean;
  /** As received: CRLF, dot-unstuffed. Not changed. */
  readonly message: Uint8Array;
  /** The policy that the transaction began with. */
  readonly tree: DecisionTree;
  /** Where a release from quarantine goes. */
  readonly nextHop: string;
  readonly splitting: Splitting;
  /** Where the listener fixes it; else it is seen for each recipient from the policy. */
  readonly direction?: Direction;
  /** Aborted when the client goes away. */
  readonly signal?: AbortSignal;
  /** How the octets are read, and whether they get a spam score where the settings want one; default: as mail, and yes. */
  readonly scan?: Partial<Pick<ScanSettings, "mode" | "antispam">>;
  /**
   * True where the caller asks for advice and goes on with octets of its own: nothing is cleaned, rewritten or marked. The
   * outcome is then that of what came, and mail that would have had to be rewritten counts as not scanned.
   */
  readonly fixed?: boolean;
  /** False where the caller holds what it asks about: no copy is kept in quarantine, whatever the outcome says. */
  readonly keep?: boolean;
}

/** Recipients that share one outcome. */
export interface WayGroup {
  readonly recipients: readonly string[];
  readonly outcome: Outcome;
  /** What is to be delivered, in chunks; absent where nothing is. */
  readonly message?: readonly Uint8Array[];
  /** Whether what is to be delivered was cleaned or written anew: the octets that came may not go on in its place. */
  readonly remade?: true;
  /** For a message whose octets are fixed: the header fields that it should get, for gates that can have them added. */
  readonly fields?: readonly MarkField[];
  /** Where a copy is kept; it is on disk. */
  readonly quarantineId?: string;
}

/** What became of one message. */
export interface Way {
  /** Absent where no recipient's settings wanted a scan. */
  readonly verdict?: Verdict;
  /** In the order of their first recipients; every recipient is in one of them. */
  readonly groups: readonly WayGroup[];
  /** ms by step: `scan`, `clean`, `quarantine`. */
  readonly times: Readonly<Record<string, number>>;
  /** Direction of the first recipient. */
  readonly direction: Direction;
}
