/** From an object to what a client of clamd is told of it, as the policy has it. */
import type { Finding, Verdict } from "../../engine/types.ts";
import type { Outcome } from "../../policy/types.ts";
import { newQueueId } from "../queue_id.ts";
import { messageRecord, messageWay, type WayRequest } from "../way.ts";
import type { ClamdContext, ClamdSettings } from "./context.ts";
import { MAX_NAMES } from "./limits.ts";

/** What is said of one object. */
export type Answer =
  | { readonly kind: "ok" }
  /** At least one; the most telling first. */
  | { readonly kind: "found"; readonly names: readonly string[] }
  | { readonly kind: "error"; readonly reason: string };

/**
 * Scans an object as mail and as file, and asks the policy. Nothing is kept or changed: the caller has the object.
 *
 * @param client Address of the client; `""` on a socket in the file system.
 * @throws {PosternError} `scan/cancelled` when the signal was aborted; what the ports throw otherwise.
 */
export async function judge(
  context: ClamdContext,
  settings: ClamdSettings,
  octets: Uint8Array,
  client: string,
  signal: AbortSignal,
): Promise<Answer> {
  const begin = performance.now();
  const time = Date.now();
  const { ports } = context;
  const request: WayRequest = {
    agent: "clamd",
    listener: settings.listener,
    queueId: newQueueId(time),
    time,
    envelope: { sender: "", recipients: [""], ...(client === "" ? {} : { client }) },
    tls: false,
    message: octets,
    tree: ports.policy(),
    nextHop: "",
    splitting: "strictest",
    ...(settings.direction === undefined ? {} : { direction: settings.direction }),
    signal,
    scan: { mode: "auto", antispam: false }, // the protocol has no word for spam
    fixed: true,
    keep: false,
  };
  context.messages++;
  const way = await messageWay(ports, request);
  const outcome = way.groups[0]!.outcome;
  const answer = answerOf(settings, way.verdict, outcome);
  const reply = answer.kind === "ok"
    ? "OK"
    : answer.kind === "found"
    ? `${answer.names[0]} FOUND`
    : `${answer.reason} ERROR`;
  ports.record(messageRecord(request, way, [{ reply }], { total: performance.now() - begin }));
  return answer;
}

/** What an outcome is in clamd's words. */
export function answerOf(
  settings: Pick<ClamdSettings, "notScanned" | "namePrefix" | "suspiciousPrefix">,
  verdict: Verdict | undefined,
  outcome: Outcome,
): Answer {
  const reason = verdict?.notScanned[0] ?? "malformed";
  switch (outcome.action) {
    case "reject":
    case "discard":
    case "quarantine":
      return { kind: "found", names: namesOf(settings, verdict, outcome) };
    case "defer":
    case "accept":
    case "redirect": {
      const unscanned = outcome.status === "notScanned" || verdict?.status === "notScanned";
      if (unscanned && settings.notScanned === "found") {
        return { kind: "found", names: [`${settings.namePrefix}${unscannedName(reason)}`] };
      }
      if (unscanned && (settings.notScanned === "error" || outcome.action === "defer")) {
        return { kind: "error", reason: `Not scanned: ${reason}` };
      }
      return outcome.action === "defer"
        ? { kind: "error", reason: `Deferred by the policy: ${plain(outcome.by)}` }
        : { kind: "ok" };
    }
  }
}

/** What was found, what is certain first; else what made the policy refuse it. */
function namesOf(
  settings: Pick<ClamdSettings, "namePrefix" | "suspiciousPrefix">,
  verdict: Verdict | undefined,
  outcome: Outcome,
): readonly string[] {
  const findings = verdict?.findings ?? [];
  const sorted = [
    ...findings.filter(({ severity }) => severity === "infected"),
    ...findings.filter(({ severity }) => severity === "suspicious"),
  ];
  const names = new Set(sorted.map((each) => nameOf(settings, each)));
  if (names.size > 0) return [...names].slice(0, MAX_NAMES);
  const { by } = outcome;
  const name = by.startsWith("rule:")
    ? `Postern.Rule.${word(by.slice("rule:".length))}`
    : by === "antivirus.notScanned"
    ? unscannedName(verdict?.notScanned[0] ?? "malformed")
    : `Postern.Policy.${word(by)}`;
  return [`${settings.namePrefix}${name}`];
}

/** Names of guesses begin as ClamAV's do, so that programs can tell them: amavis and Rspamd look at this beginning. */
function nameOf(
  { namePrefix, suspiciousPrefix }: Pick<ClamdSettings, "namePrefix" | "suspiciousPrefix">,
  { name, severity }: Finding,
): string {
  const guess = severity === "suspicious" && !name.startsWith(suspiciousPrefix);
  return word(`${namePrefix}${guess ? suspiciousPrefix : ""}${name}`);
}

function unscannedName(reason: string): string {
  return reason === "encrypted" ? "Heuristics.Encrypted" : `Heuristics.NotScanned.${reason}`;
}

/** One word: clients read a name up to the next blank. */
function word(text: string): string {
  return plain(text).replace(/ /g, "_");
}

/** Printable ASCII. */
function plain(text: string): string {
  return text.replace(/[^\x20-\x7e]+/g, "_").slice(0, 250);
}
