/**
 * The way of one message, shared by every agent: which scan, the scan, the decision for each recipient, groups, cleaning, marks,
 * quarantine. What is left to the agent is to say and to deliver what came out.
 */
import { CLEAN_MODES, type RewriteResult, type Verdict } from "../engine/types.ts";
import { decide } from "../policy/decide.ts";
import { directionOf } from "../policy/direction.ts";
import { scanSettings } from "../policy/scan_settings.ts";
import { strictest } from "../policy/strictest.ts";
import type { Direction, Envelope, Facts, Outcome } from "../policy/types.ts";
import { PosternError } from "../errors.ts";
import { walkHeader } from "./header_walk.ts";
import { markFields, markMessage, markPrefix, wantedFootnote } from "./marking.ts";
import type { AgentPorts, QuarantineRequest } from "./ports.ts";
import { sealed } from "./sealing.ts";
import { cleanedForKept, decideAll, type Decision, type Scanned } from "./way_changes.ts";
import type { Way, WayGroup, WayRequest } from "./way_types.ts";

export type { Splitting, Way, WayGroup, WayRequest } from "./way_types.ts";
export { messageRecord, refusedRecord } from "./way_record.ts";

/** `Outcome.by` where the policy wanted a copy kept and it could not be written. */
export const BY_QUARANTINE_FAILED = "quarantine.failed";

/**
 * Brings a message from its receipt to what is to be delivered. When it resolves, every copy that the policy wanted kept is on
 * disk; where one could not be written, its recipients' outcome is `defer` by {@link BY_QUARANTINE_FAILED}.
 *
 * @throws {PosternError} `scan/cancelled` when the signal was aborted; what the ports throw otherwise.
 */
export async function messageWay(ports: AgentPorts, request: WayRequest): Promise<Way> {
  const times: Record<string, number> = {};
  const facts = request.envelope.recipients.map((recipient) => recipientFacts(request, recipient));
  const scan = await scanMessage(ports, request, facts, times);
  const { verdict } = scan;
  const decisions = await decideAll(ports, request, facts, scan, times);
  const groups = group(request, decisions);
  const results: WayGroup[] = [];
  for (const { recipients, decision } of groups) {
    results.push(await carryOut(ports, request, scan, recipients, decision, times));
  }
  const direction = facts[0]?.direction ?? request.direction ?? "inbound";
  return { ...(verdict ? { verdict } : {}), groups: results, times, direction };
}

/** What facts are made of at a gate: as much of the envelope as is known by then. */
export interface FactsSource {
  readonly agent: WayRequest["agent"];
  readonly listener: string;
  readonly time: number;
  readonly tls?: boolean;
  readonly tree: WayRequest["tree"];
  readonly direction?: Direction;
  readonly envelope: Partial<Envelope>;
  readonly message?: Uint8Array;
}

/** What is known before any recipient is: of the client alone, or with `envelope.sender` of the sender, too. */
export function senderFacts(source: FactsSource): Facts {
  const { client, clientName, helo, user, sender } = source.envelope;
  return {
    agent: source.agent,
    listener: source.listener,
    time: source.time,
    client: client ?? null,
    clientName: clientName ?? null,
    helo: helo ?? null,
    tls: source.tls ?? false,
    user: user ?? null,
    ...(sender === undefined ? {} : { sender }),
    ...(source.direction === undefined ? {} : { direction: source.direction }),
    ...(source.message === undefined ? {} : { size: source.message.length }),
  };
}

/** What is known for one recipient before the message is scanned. */
export function recipientFacts(source: FactsSource, recipient: string): Facts {
  const { client, user, sender } = source.envelope;
  const direction = source.direction ?? directionOf(source.tree, {
    client: client ?? null,
    user: user ?? null,
    sender: sender ?? "",
    recipient,
  });
  return { ...senderFacts(source), recipient, direction };
}

/** The scan that the recipients' settings ask for together; empty where none asks for one. */
async function scanMessage(
  ports: AgentPorts,
  request: WayRequest,
  facts: readonly Facts[],
  times: Record<string, number>,
): Promise<Scanned> {
  const { message, tree, signal } = request;
  const early = facts.map((each) => decide(tree, "recipient", each));
  const wanted = scanSettings(early, tree, request.scan?.mode ?? "mail");
  if (!wanted) return {};
  const settings = request.scan?.antispam === false ? { ...wanted, antispam: false } : wanted;
  if (message.length > settings.limits.messageOctets) {
    return { verdict: tooLarge(message, walkHeader(message).layout) };
  }
  const begin = performance.now();
  const verdict = await ports.scan(message, settings, signal);
  times["scan"] = performance.now() - begin;
  if (verdict.costs["queue"] !== undefined) times["queue"] = verdict.costs["queue"];
  if (signal?.aborted) {
    throw new PosternError("scan/cancelled", "The client went away while its message was scanned");
  }
  return { verdict, settings };
}

/** The verdict over a message that is larger than the limit: nobody looked into it, and it says so. */
function tooLarge(message: Uint8Array, layout: Verdict["layout"]): Verdict {
  return {
    status: "notScanned",
    findings: [],
    notScanned: ["size"],
    parts: [],
    ambiguities: [],
    ...(layout ? { layout } : {}),
    headers: [],
    sha256: "",
    size: message.length,
    costs: {},
  };
}

interface Grouping {
  readonly recipients: string[];
  readonly decision: Decision;
}

function group(request: WayRequest, decisions: readonly Decision[]): readonly Grouping[] {
  const { recipients } = request.envelope;
  const groups = new Map<string, Grouping>();
  const keys = new Map<Outcome, string>();
  for (const [i, recipient] of recipients.entries()) {
    const decision = decisions[i]!;
    let key = keys.get(decision.outcome);
    if (key === undefined) keys.set(decision.outcome, key = outcomeKey(decision));
    const there = groups.get(key);
    if (there) there.recipients.push(recipient);
    else groups.set(key, { recipients: [recipient], decision });
  }
  if (request.splitting === "copies" || groups.size <= 1) return [...groups.values()];
  const { action, quarantine } = strictest(decisions.map((decision) => decision.outcome));
  // Of outcomes with one action that of which least is left is the strictest: what one recipient may have, another may not.
  const decision = decisions.filter((each) => each.outcome.action === action)
    .reduce((worst, each) => takenOut(each) > takenOut(worst) ? each : worst);
  const outcome = { ...decision.outcome, quarantine };
  return [{ recipients: [...recipients], decision: { ...decision, outcome } }];
}

/** How much of the message as it came is gone, for comparison. */
function takenOut({ cleaned, canonical }: Decision): number {
  const inOneReading = canonical === undefined ? 0 : 1;
  if (cleaned === undefined) return inOneReading;
  const most = cleaned.deleted ? CLEAN_MODES.length : CLEAN_MODES.indexOf(cleaned.mode);
  return 2 * (1 + most) + inOneReading;
}

/** What tells two outcomes apart for the wire and the disk; what merely gave them (`by`) does not. */
function outcomeKey({ outcome, cleaned, canonical }: Decision): string {
  const { action, reply, redirect, quarantine, status, settings } = outcome;
  const delivered = action === "accept" || action === "redirect";
  const rewritten = canonical !== undefined;
  return JSON.stringify([
    action,
    reply,
    redirect,
    quarantine,
    status,
    ...(delivered ? [settings.marks, settings.antispam.subjectPrefix] : []),
    cleaned?.mode,
    rewritten,
  ]);
}

/** Keeps the copy, then makes the octets to deliver: nothing is delivered of which a wanted copy is not on disk. */
async function carryOut(
  ports: AgentPorts,
  request: WayRequest,
  scan: Scanned,
  recipients: readonly string[],
  decision: Decision,
  times: Record<string, number>,
): Promise<WayGroup> {
  const { verdict } = scan;
  let { outcome } = decision;
  let quarantineId: string | undefined;
  if (request.keep !== false && (outcome.quarantine || outcome.action === "quarantine")) {
    const begin = performance.now();
    try {
      quarantineId = await ports.quarantine(
        quarantineRequest(request, { recipients, outcome }, verdict),
      );
    } catch (error) {
      ports.log("error", "Cannot keep a message in quarantine; it is deferred", {
        queueId: request.queueId,
        error: error instanceof Error ? error.message : String(error),
      });
      outcome = deferred(outcome, BY_QUARANTINE_FAILED);
      return { recipients, outcome };
    } finally {
      times["quarantine"] = (times["quarantine"] ?? 0) + performance.now() - begin;
    }
  }
  const kept = quarantineId === undefined ? {} : { quarantineId };
  if (outcome.action !== "accept" && outcome.action !== "redirect") {
    return { recipients, outcome, ...kept };
  }
  if (request.fixed) return { recipients, outcome, fields: markFields(outcome, verdict), ...kept };
  const { cleaned, canonical } = await cleanedForKept(ports, request, scan, decision, quarantineId);
  if (cleaned && !cleaned.message) { // deleted whole, to be delivered, and no notice could be put in its place
    return { recipients, outcome: deferred(outcome, "antivirus.clean.failed"), ...kept };
  }
  const octets = canonical?.message ?? cleaned?.message ?? request.message;
  const layout = canonical?.verdict.layout ?? cleaned?.layout ??
    (octets === request.message ? verdict?.layout : undefined) ?? walkHeader(octets).layout;
  const noted = await withFootnote(ports, request, outcome, verdict, { message: octets, layout });
  const marked = markMessage(noted.message, noted.layout, outcome, verdict);
  // Fields that only Postern writes are in nobody's signature: with these alone, the sender's still hold.
  const changed = noted.message !== request.message || markPrefix(outcome) !== "" ||
    noted.layout.ownFields.length > 0;
  const message = changed ? await sealed(ports, request, marked, times) : marked;
  const remade = cleaned || canonical ? { remade: true } as const : {};
  return { recipients, outcome, message, ...remade, ...kept };
}

/** A message that cannot have its footnote goes on without one. */
async function withFootnote(
  ports: AgentPorts,
  request: WayRequest,
  outcome: Outcome,
  verdict: Verdict | undefined,
  message: Pick<RewriteResult, "message" | "layout">,
): Promise<Pick<RewriteResult, "message" | "layout">> {
  const footnote = wantedFootnote(outcome, verdict);
  if (footnote === undefined) return message;
  try {
    return await ports.rewrite(message.message, { remove: [], footnote }, request.signal);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    ports.log("warning", "Cannot add a footnote", {
      queueId: request.queueId,
      error: error.message,
    });
    return message;
  }
}

/** A copy for quarantine, by the rule that decided. */
export function quarantineRequest(
  request: WayRequest,
  { recipients, outcome }: Pick<WayGroup, "recipients" | "outcome">,
  verdict: Verdict = unscanned(request.message),
): QuarantineRequest {
  const { queueId, agent, listener, envelope, message, nextHop } = request;
  const { status = "notScanned", by } = outcome;
  return {
    queueId,
    agent,
    listener,
    envelope,
    recipients,
    message,
    verdict,
    status,
    by,
    nextHop,
  };
}

/** Stands for the verdict of a message that the policy sends to quarantine without a scan. */
function unscanned(message: Uint8Array): Verdict {
  return { ...tooLarge(message, undefined), notScanned: [] };
}

function deferred(outcome: Outcome, by: string): Outcome {
  const { redirect: _, ...rest } = outcome;
  return { ...rest, action: "defer", reply: "451 4.3.0 Try again later", quarantine: false, by };
}
