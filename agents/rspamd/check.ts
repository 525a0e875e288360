/** From a message and what its client says of it to Rspamd's reply, as the policy has it. */
import { Buffer } from "node:buffer";
import { walkHeader } from "../header_walk.ts";
import { newQueueId } from "../queue_id.ts";
import { scoreOf } from "../score.ts";
import { messageRecord, messageWay, type WayRequest } from "../way.ts";
import type { RspamdContext, RspamdSettings } from "./context.ts";
import type { RequestFacts } from "./request_facts.ts";
import { type RspamdResult, rspamdResult } from "./result.ts";

/** What is answered. */
export interface Checked {
  readonly result: RspamdResult;
  /** The message in the client's place, where its content was changed and the client takes it. */
  readonly message?: Uint8Array;
}

/**
 * Scans a message and asks the policy. What it wants kept is in quarantine when this resolves.
 *
 * @throws {PosternError} what the ports throw.
 */
export async function check(
  context: RspamdContext,
  settings: RspamdSettings,
  facts: RequestFacts,
  message: Uint8Array,
  signal: AbortSignal,
): Promise<Checked> {
  const begin = performance.now();
  const time = Date.now();
  const { ports } = context;
  // A milter would be given a body for the header that it has: what was cleaned seldom fits into that.
  const changeable = facts.bodyBlock && !facts.milter;
  const request: WayRequest = {
    agent: "rspamd",
    listener: settings.listener,
    queueId: newQueueId(time),
    time,
    envelope: facts.envelope,
    tls: facts.tls,
    message,
    tree: ports.policy(),
    nextHop: settings.nextHop,
    splitting: "strictest",
    ...(settings.direction === undefined ? {} : { direction: settings.direction }),
    signal,
    fixed: !changeable,
    ...(facts.raw ? { scan: { mode: "auto" } } : {}),
  };
  context.messages++;
  context.active++;
  try {
    const way = await messageWay(ports, request);
    const group = way.groups[0]!;
    const { outcome } = group;
    const { verdict } = way;
    const score = scoreOf(verdict, outcome, settings.points);
    const result = rspamdResult({
      outcome,
      ...(verdict ? { verdict } : {}),
      score,
      milter: facts.milter,
      recipients: facts.envelope.recipients,
      timeMs: performance.now() - begin,
    });
    const reply = result.messages.smtp_message === undefined
      ? result.action
      : `${result.action}: ${result.messages.smtp_message}`;
    ports.record(messageRecord(request, way, [{ reply }], { total: performance.now() - begin }));
    const changed = changeable && group.message && Buffer.concat([...group.message]);
    return changed && !sameBody(message, changed) ? { result, message: changed } : { result };
  } finally {
    context.active--;
  }
}

/** Whether nothing but the header differs. */
function sameBody(before: Uint8Array, after: Uint8Array): boolean {
  const body = (octets: Uint8Array) => octets.subarray(walkHeader(octets).layout.headerEnd);
  return Buffer.from(body(before)).equals(body(after));
}
