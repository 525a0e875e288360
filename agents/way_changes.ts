/** Each recipient's decision, and what of the message is changed for it: cleaning, and one reading of what is ambiguous. */
import type { ScanSettings, Verdict } from "../engine/types.ts";
import { decide } from "../policy/decide.ts";
import type { Facts, Outcome } from "../policy/types.ts";
import { verdictFacts } from "../policy/verdict_facts.ts";
import { type Canonical, canonicalMessage, isAmbiguous } from "./canonical.ts";
import { type Cleaned, type Cleaning, cleanMessage } from "./clean.ts";
import type { AgentPorts } from "./ports.ts";
import type { WayRequest } from "./way_types.ts";

/** What the scan said, and what it was asked. */
export interface Scanned {
  /** Absent where nobody wanted a scan. */
  readonly verdict?: Verdict;
  /** Absent where no scanner was asked. */
  readonly settings?: ScanSettings;
}

/** What one recipient gets: the decision and the octets that it was made for. */
export interface Decision {
  readonly outcome: Outcome;
  /** What cleaning left; absent where the message is as it came. */
  readonly cleaned?: Cleaned;
  /** The same in one reading; absent where it has one already, or may have several. */
  readonly canonical?: Canonical;
}

/**
 * Each recipient's decision. Cleaning comes before it (the policy is asked about what cleaning left), once for each mode that
 * the recipients' settings name; what is to be delivered then gets one reading where the settings want it. A message of which
 * no one reading can be made counts as not scanned.
 */
export async function decideAll(
  ports: AgentPorts,
  request: WayRequest,
  facts: readonly Facts[],
  scan: Scanned,
  times: Record<string, number>,
): Promise<Decision[]> {
  const found = scan.verdict ? verdictFacts(scan.verdict) : undefined;
  const changes = new Changes(ports, request, scan, times);
  const decisions: Decision[] = [];
  for (const each of facts) {
    const known: Facts = { ...each, ...found };
    const outcome = decide(request.tree, "verdict", known); // the content phase's facts are all among these
    const cleaned = await changes.cleaned(outcome);
    const decision = cleaned ? afterCleaning(request, known, cleaned) : { outcome };
    decisions.push(await changes.inOneReading(decision, known));
  }
  return decisions;
}

/** Changes of one message, each made once. */
class Changes {
  readonly #ports: AgentPorts;
  readonly #request: WayRequest;
  readonly #scan: Scanned;
  readonly #times: Record<string, number>;
  readonly #cleanings = new Map<string, Cleaned | undefined>();
  readonly #canonical = new Map<Uint8Array, Canonical | undefined>();

  constructor(
    ports: AgentPorts,
    request: WayRequest,
    scan: Scanned,
    times: Record<string, number>,
  ) {
    this.#ports = ports;
    this.#request = request;
    this.#scan = scan;
    this.#times = times;
  }

  /** `undefined` where there is nothing to clean, or nothing can be. */
  async cleaned(outcome: Outcome): Promise<Cleaned | undefined> {
    const cleaning = cleaningOf(this.#request, this.#scan, outcome);
    if (this.#request.fixed || cleaning === undefined || !isCleanable(outcome)) return undefined;
    const key = `${cleaning.mode} ${cleaning.language}`;
    if (!this.#cleanings.has(key)) {
      this.#cleanings.set(
        key,
        await this.#timed("clean", () => cleanMessage(this.#ports, cleaning)),
      );
    }
    return this.#cleanings.get(key);
  }

  async inOneReading(decision: Decision, known: Facts): Promise<Decision> {
    const { outcome, cleaned } = decision;
    const { verdict, settings } = this.#scan;
    const { action, settings: { antivirus } } = outcome;
    if (antivirus.ambiguous !== "rewrite" || antivirus.action !== "scan" || !settings) {
      return decision;
    }
    if (action !== "accept" && action !== "redirect" || !verdict || !isAmbiguous(verdict)) {
      return decision;
    }
    const octets = cleaned ? cleaned.message : this.#request.message;
    if (octets === undefined) return decision;
    if (!this.#request.fixed && !this.#canonical.has(octets)) {
      const { signal } = this.#request;
      const made = this.#timed(
        "rewrite",
        () => canonicalMessage(this.#ports, octets, verdict, settings, signal),
      );
      this.#canonical.set(octets, await made);
    }
    const canonical = this.#canonical.get(octets);
    if (canonical !== undefined) return { ...decision, canonical };
    const facts: Facts = {
      ...known,
      status: "notScanned",
      notScanned: [...new Set([...known.notScanned ?? [], "malformed" as const])],
    };
    return { ...decision, outcome: decide(this.#request.tree, "verdict", facts) };
  }

  async #timed<T>(step: string, run: () => Promise<T>): Promise<T> {
    const begin = performance.now();
    try {
      return await run();
    } finally {
      this.#times[step] = (this.#times[step] ?? 0) + performance.now() - begin;
    }
  }
}

/** What cleaning for this outcome would be; `undefined` where the scan found nothing, or there was none. */
function cleaningOf(
  request: WayRequest,
  { verdict, settings }: Scanned,
  outcome: Outcome,
): Cleaning | undefined {
  if (!verdict || !settings || verdict.findings.length === 0) return undefined;
  return {
    message: request.message,
    verdict,
    mode: outcome.settings.antivirus.clean,
    settings,
    language: outcome.settings.marks.language,
    ...(request.signal ? { signal: request.signal } : {}),
  };
}

/** Whether what cleaning left could get another outcome, or would be delivered. */
function isCleanable({ action, by, settings }: Outcome): boolean {
  const { antivirus } = settings;
  if (antivirus.clean === "none" || antivirus.action !== "scan") return false;
  return action === "accept" || action === "redirect" || by.startsWith("antivirus.");
}

/** The decision about what cleaning left. Findings stay facts: rules about them hold for what was sent. */
function afterCleaning(request: WayRequest, known: Facts, cleaned: Cleaned): Decision {
  const { remaining, deleted } = cleaned;
  const facts: Facts = deleted
    ? { ...known, deleted: true }
    : { ...known, status: remaining === "clean" ? "infected" : remaining, cleaned: true };
  return { outcome: decide(request.tree, "verdict", facts), cleaned };
}

/**
 * The octets of a decision whose message is kept in quarantine, too: the notices in them name the copy. Cleaning is done again for
 * it, and what it leaves is scanned again; where that does not come out the same, the notices do without the number.
 */
export async function cleanedForKept(
  ports: AgentPorts,
  request: WayRequest,
  scan: Scanned,
  decision: Decision,
  quarantineId: string | undefined,
): Promise<Decision> {
  const { cleaned, outcome } = decision;
  const cleaning = cleaningOf(request, scan, outcome);
  if (!cleaned?.message || quarantineId === undefined || cleaning === undefined) return decision;
  const again = await cleanMessage(ports, { ...cleaning, mode: cleaned.mode, quarantineId });
  const same = again?.message !== undefined && again.deleted === cleaned.deleted &&
    again.remaining === cleaned.remaining;
  if (!same || again.message === undefined) return decision;
  if (!decision.canonical || !scan.verdict) return { outcome, cleaned: again };
  const canonical = await canonicalMessage(
    ports,
    again.message,
    scan.verdict,
    cleaning.settings,
    request.signal,
  );
  return canonical === undefined ? decision : { outcome, cleaned: again, canonical };
}
