import { Budget } from "./budget.ts";
import type { Modules } from "./detect/modules.ts";
import { ContentHashes } from "./detect/hash_list.ts";
import { looksLikeMail } from "./message/looks_like_mail.ts";
import { readMessage } from "./message/read.ts";
import type { MessageReading } from "./message/types.ts";
import type { PartCache } from "./part_cache.ts";
import { GTUBE, GTUBE_SYMPTOM } from "./spam/gtube.ts";
import {
  NOT_SCANNED_REASONS,
  type ScanSettings,
  type ScanStatus,
  type SpamSymptom,
  type Verdict,
} from "./types.ts";
import { Passwords } from "./unpack/passwords.ts";
import type { Tools } from "./unpack/unpacker.ts";
import { Walk } from "./walk.ts";

/** Of a message over the size limit so much is read, octets: its header, so that it can be marked. */
const HEADER_OCTETS = 1 << 20;

/**
 * Scans one object: a message or a file, with all that is in it.
 *
 * Pure and synchronous; never throws on any octets. What could not be looked at makes the status `notScanned`, never `clean`.
 *
 * @param octets The whole object. It is not changed, and not kept.
 * @param settings What is wanted, and the limits.
 * @param modules What is looked for; `builtinModules()` at least.
 * @param tools What opens rarer containers; without it these are `unsupported`.
 */
export function scan(
  octets: Uint8Array,
  settings: ScanSettings,
  modules: Modules,
  tools: Tools = {},
): Verdict {
  return scanRemembering(octets, settings, modules, tools);
}

/**
 * The same, for who scans many messages.
 *
 * @param cache What was found in parts before, with just these modules and tools; the verdict is the same without it.
 */
export function scanRemembering(
  octets: Uint8Array,
  settings: ScanSettings,
  modules: Modules,
  tools: Tools,
  cache?: PartCache,
): Verdict {
  const start = performance.now();
  const { mode, limits, antivirus, antispam } = settings;
  const budget = new Budget(limits);
  const opening = { tools, passwords: new Passwords(settings.passwords) };
  const walk = new Walk(budget, modules, antivirus || antispam, opening, cache);
  const asMail = mode === "mail" || (mode === "auto" && looksLikeMail(octets));
  const root = { octets, path: "", kind: "root", names: [], depth: 0 } as const;
  let message: MessageReading | undefined;
  if (octets.length > limits.messageOctets) {
    budget.breach("size");
    if (asMail) message = readMessage(octets.subarray(0, HEADER_OCTETS), new Budget(limits));
    walk.list(root, asMail ? "message" : undefined, "size");
  } else {
    walk.visit(root, { asMail, asFile: mode !== "mail" });
    if (asMail) message = walk.message;
  }
  return {
    ...found(walk, budget, antivirus),
    parts: walk.reports,
    ambiguities: walk.ambiguities,
    ...(antispam ? { spam: spamOf(walk, message) } : {}),
    ...(message ? { layout: message.layout } : {}),
    headers: (settings.headers ?? []).flatMap((name) =>
      message?.header(name).map((value) => ({ name, value })) ?? []
    ),
    ...(message?.subject === undefined ? {} : { subject: message.subject }),
    ...(message?.messageId === undefined ? {} : { messageId: message.messageId }),
    ...(modules.date === undefined
      ? {}
      : { signaturesAge: Math.max(0, Date.now() - modules.date) }),
    sha256: walk.reports[0]?.sha256 ?? new ContentHashes(octets).hex(),
    size: octets.length,
    costs: { ...walk.costs, total: performance.now() - start },
    usage: { ...budget.used, timeMs: performance.now() - start },
  };
}

/** Infected is worse than suspicious, that than not scanned, that than clean. */
function found(
  walk: Walk,
  budget: Budget,
  antivirus: boolean,
): Pick<Verdict, "status" | "findings" | "notScanned"> {
  const findings = antivirus ? walk.findings : [];
  const breaches = new Set(budget.breaches);
  const notScanned = NOT_SCANNED_REASONS.filter((reason) => breaches.has(reason));
  const status: ScanStatus = findings.some(({ severity }) => severity === "infected")
    ? "infected"
    : findings.length > 0
    ? "suspicious"
    : notScanned.length > 0
    ? "notScanned"
    : "clean";
  return { status, findings, notScanned };
}

function spamOf(walk: Walk, message: MessageReading | undefined): NonNullable<Verdict["spam"]> {
  const symptoms: SpamSymptom[] = [];
  if (walk.symptoms.has(GTUBE_SYMPTOM.name) || message?.subject?.includes(GTUBE)) {
    symptoms.push(GTUBE_SYMPTOM);
  }
  return { score: symptoms.reduce((sum, { points }) => sum + points, 0), symptoms };
}
