/** From settings and facts to the outcome: the order of handling, its causes and its replies. */
import type {
  Action,
  Facts,
  HandleAction,
  Outcome,
  ReportStatus,
  ResolvedSettings,
} from "../types.ts";
import { REPORT_STATUSES } from "../types.ts";

/** What decided: the action and what the log names. */
export interface Decided {
  readonly action: Action;
  readonly by: string;
  /** Whose reply text of the settings is used. */
  readonly cause: ReportStatus | "rule" | undefined;
}

const DEFAULT: Decided = { action: "accept", by: "default", cause: undefined };

/** Rows of the handling order by setting and action, made once: nothing is allocated for them. */
function rows(
  by: string,
  cause: ReportStatus | undefined,
): Readonly<Record<Exclude<HandleAction, "accept">, Decided>> {
  return {
    reject: { action: "reject", by, cause },
    defer: { action: "defer", by, cause },
    discard: { action: "discard", by, cause },
    quarantine: { action: "quarantine", by, cause },
  };
}

const ANTIVIRUS = rows("antivirus.action", undefined);
const ANTISPAM = rows("antispam.action", undefined);
const INFECTED = rows("antivirus.infected", "infected");
const SUSPICIOUS = rows("antivirus.suspicious", "suspicious");
const NOT_SCANNED = rows("antivirus.notScanned", "notScanned");
const DELETED = rows("antivirus.deleted", "deleted");
const SPAM = rows("antispam.spam", "spam");

/**
 * The order of handling, where no rule gives an action. A row that says accept goes on to the next.
 *
 * 1. `antivirus.action` other than scan and accept ends it.
 * 2. After a scan: deleted, infected (unless cleaned), suspicious, notScanned end it as their settings say. What should have been
 *    scanned and has no status was not scanned.
 * 3. `antispam.action` other than scan and accept ends it; after a scan, a score from the threshold on is spam.
 */
export function handle(settings: ResolvedSettings, facts: Facts): Decided {
  const { antivirus, antispam } = settings;
  if (antivirus.action === "scan") {
    if (facts.deleted === true) {
      if (antivirus.deleted !== "accept") return DELETED[antivirus.deleted];
    } else {
      switch (facts.status) {
        case "infected":
          if (facts.cleaned !== true && antivirus.infected !== "accept") {
            return INFECTED[antivirus.infected];
          }
          break;
        case "suspicious":
          if (antivirus.suspicious !== "accept") return SUSPICIOUS[antivirus.suspicious];
          break;
        case "notScanned":
        case undefined:
          if (antivirus.notScanned !== "accept") return NOT_SCANNED[antivirus.notScanned];
          break;
      }
    }
  } else if (antivirus.action !== "accept") return ANTIVIRUS[antivirus.action];
  if (antispam.action === "scan") {
    if (isSpam(settings, facts) && antispam.spam !== "accept") return SPAM[antispam.spam];
  } else if (antispam.action !== "accept") return ANTISPAM[antispam.action];
  return DEFAULT;
}

/** What {@link handle} gives for certain before the scan; `undefined`: it hangs on the scan. */
export function handleEarly(
  settings: ResolvedSettings,
  antivirusKnown: boolean,
  antispamKnown: boolean,
): Decided | undefined {
  if (!antivirusKnown) return undefined;
  const antivirus = settings.antivirus.action;
  if (antivirus === "scan") return undefined;
  if (antivirus !== "accept") return ANTIVIRUS[antivirus];
  if (!antispamKnown) return undefined;
  const antispam = settings.antispam.action;
  if (antispam === "scan") return undefined;
  return antispam === "accept" ? DEFAULT : ANTISPAM[antispam];
}

function isSpam({ antispam }: ResolvedSettings, facts: Facts): boolean {
  return antispam.action === "scan" && facts.spamScore !== undefined &&
    facts.spamScore >= antispam.threshold;
}

/** Place of the status in REPORT_STATUSES that the message has for marks, copies and logs: the worst that holds. */
export function reportStatus(settings: ResolvedSettings, facts: Facts): number {
  if (facts.deleted === true) return DELETED_STATUS;
  if (facts.status === "infected") return facts.cleaned === true ? CLEANED_STATUS : INFECTED_STATUS;
  if (facts.status === "suspicious") return SUSPICIOUS_STATUS;
  const scanned = settings.antivirus.action === "scan";
  if (facts.status === "notScanned" || (scanned && facts.status === undefined)) {
    return NOT_SCANNED_STATUS;
  }
  return isSpam(settings, facts) ? SPAM_STATUS : CLEAN_STATUS;
}

const CLEAN_STATUS = REPORT_STATUSES.indexOf("clean");
const CLEANED_STATUS = REPORT_STATUSES.indexOf("cleaned");
const INFECTED_STATUS = REPORT_STATUSES.indexOf("infected");
const SUSPICIOUS_STATUS = REPORT_STATUSES.indexOf("suspicious");
const SPAM_STATUS = REPORT_STATUSES.indexOf("spam");
const NOT_SCANNED_STATUS = REPORT_STATUSES.indexOf("notScanned");
const DELETED_STATUS = REPORT_STATUSES.indexOf("deleted");

/**
 * Whether the message is to be kept. A deferred one comes again, so no copy is made of it; spam that is something worse besides
 * is kept for either reason.
 */
export function isKept(
  settings: ResolvedSettings,
  action: Action,
  status: ReportStatus | undefined,
  facts: Facts,
): boolean {
  if (action === "quarantine") return true;
  if (action === "defer" || status === undefined) return false;
  return settings.quarantine.includes(status) ||
    (isSpam(settings, facts) && settings.quarantine.includes("spam"));
}

/**
 * The reply of a refusal: the rule's own, else the settings' for the cause (where its class fits), else the built-in one.
 *
 * @param own The rule's own text.
 */
export function replyFor(
  { action, cause }: Decided,
  settings: ResolvedSettings,
  facts: Facts,
  own: string | undefined,
): string | undefined {
  const class_ = action === "reject" ? "5" : action === "defer" ? "4" : undefined;
  if (class_ === undefined) return undefined;
  if (own !== undefined) return own;
  const set = cause === undefined ? undefined : settings.replies[cause];
  if (set !== undefined && set.startsWith(class_)) return set;
  const code = action === "reject" ? "550 5.7.1" : "451 4.7.1";
  return `${code} ${reason(cause, facts)}${action === "defer" ? "; try again later" : ""}`;
}

function reason(cause: Decided["cause"], facts: Facts): string {
  switch (cause) {
    case "infected":
    case "suspicious": {
      const name = printable(facts.findings?.[0]);
      return name === "" ? `Message is ${cause}` : `Message is ${cause}: ${name}`;
    }
    case "notScanned": {
      const why = printable(facts.notScanned?.[0]);
      return why === "" ? "Message could not be scanned" : `Message could not be scanned: ${why}`;
    }
    case "spam":
      return "Message looks like spam";
    case "deleted":
      return "Nothing of the message was left after cleaning";
    default:
      return "Refused by policy";
  }
}

/** Longest name of a finding that a client is told. */
const MAX_TOLD = 80;

/** What a client may be told of a name: printable ASCII, short. */
function printable(name: string | undefined): string {
  return (name ?? "").replace(/[^\x20-\x7e]/g, "").trim().slice(0, MAX_TOLD);
}

/** The outcome as a plain object. */
export function outcomeOf(
  final: boolean,
  decided: Decided,
  settings: ResolvedSettings,
  facts: Facts,
  status: ReportStatus | undefined,
  rule: { readonly reply?: string; readonly redirect?: readonly string[] } = {},
): Outcome {
  const reply = replyFor(decided, settings, facts, rule.reply);
  return {
    final,
    action: decided.action,
    ...(reply === undefined ? {} : { reply }),
    ...(decided.action === "redirect" && rule.redirect ? { redirect: rule.redirect } : {}),
    quarantine: isKept(settings, decided.action, status, facts),
    ...(status === undefined ? {} : { status }),
    settings,
    by: decided.by,
  };
}
