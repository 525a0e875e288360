/**
 * The one-shot gate: one message in, the message to go on with or a refusal out. What `postern pipe` and every other tool that
 * hands over a single message run, in the daemon (operation `process`) or, without one, in the tool's own process.
 */
import type { Action, AgentName, Direction, Envelope, ReportStatus } from "../../policy/types.ts";
import type { MarkField } from "../marking.ts";
import type { AgentPorts } from "../ports.ts";
import { newQueueId } from "../queue_id.ts";
import { messageRecord, messageWay, type WayRequest } from "../way.ts";

/** The gates that are programs which a mail server starts. */
export const ONE_SHOT_AGENTS = ["pipe", "mda", "cgp"] as const satisfies readonly AgentName[];

/** What a one-shot tool asks. */
export interface ProcessRequest {
  readonly agent: AgentName;
  /** Name of the gate in logs and rules; tools give their own. */
  readonly listener: string;
  readonly envelope: Envelope;
  readonly direction?: Direction;
  /** Where a quarantined message goes when it is released; `""` when only the caller knows. */
  readonly nextHop?: string;
  /** True where the caller cannot change the message's octets. */
  readonly fixed?: boolean;
}

/** What is to be done; the octets to go on with come beside it, for `accept` alone. */
export interface ProcessAnswer {
  readonly queueId: string;
  readonly action: Action;
  /** For reject and defer: `550 5.7.1 text`. */
  readonly reply?: string;
  /** For redirect: the recipients instead. */
  readonly redirect?: readonly string[];
  /** What gave the decision. */
  readonly by: string;
  readonly status: ReportStatus;
  readonly quarantineId?: string;
  /** For accept of a message whose octets are fixed: the header fields that it should get. */
  readonly fields?: readonly MarkField[];
}

function concatenate(chunks: readonly Uint8Array[]): Uint8Array {
  const [only, ...more] = chunks;
  if (only !== undefined && more.length === 0) return only;
  const whole = new Uint8Array(chunks.reduce((sum, chunk) => sum + chunk.length, 0));
  let at = 0;
  for (const chunk of chunks) {
    whole.set(chunk, at);
    at += chunk.length;
  }
  return whole;
}

/**
 * Takes one message through scan and policy. Its recipients share one outcome: the caller has one exit status.
 *
 * @param message As received; its line ends stay as they are.
 * @returns The answer, and the octets to go on with where there are any.
 * @throws {PosternError} `store/…` where the message should be kept and cannot be: the caller defers.
 */
export async function processMessage(
  ports: AgentPorts,
  request: ProcessRequest,
  message: Uint8Array,
  signal?: AbortSignal,
): Promise<{ answer: ProcessAnswer; message?: Uint8Array }> {
  const started = performance.now();
  const time = Date.now();
  const queueId = newQueueId(time);
  const wayRequest: WayRequest = {
    agent: request.agent,
    listener: request.listener,
    queueId,
    time,
    envelope: request.envelope,
    message,
    tree: ports.policy(),
    nextHop: request.nextHop ?? "",
    splitting: "strictest",
    ...(request.direction === undefined ? {} : { direction: request.direction }),
    ...(request.fixed === undefined ? {} : { fixed: request.fixed }),
    ...(signal === undefined ? {} : { signal }),
  };
  const way = await messageWay(ports, wayRequest);
  const ends = way.groups.map(({ outcome }) =>
    outcome.reply === undefined ? {} : { reply: outcome.reply }
  );
  ports.record(messageRecord(wayRequest, way, ends, { total: performance.now() - started }));
  const [group] = way.groups;
  if (group === undefined) throw new TypeError("A message without recipients was handed over");
  const { outcome, quarantineId, fields } = group;
  const answer: ProcessAnswer = {
    queueId,
    action: outcome.action,
    by: outcome.by,
    status: outcome.status ?? "notScanned",
    ...(outcome.reply === undefined ? {} : { reply: outcome.reply }),
    ...(outcome.redirect === undefined ? {} : { redirect: outcome.redirect }),
    ...(quarantineId === undefined ? {} : { quarantineId }),
    ...(fields === undefined ? {} : { fields }),
  };
  return group.message === undefined ? { answer } : { answer, message: concatenate(group.message) };
}
