import { type Grain, planRemovals } from "../engine/clean/plan.ts";
import type {
  CleanMode,
  Finding,
  MessageLayout,
  Removal,
  RewriteRequest,
  RewriteResult,
  ScanSettings,
  ScanStatus,
  Verdict,
} from "../engine/types.ts";
import type { ResolvedSettings } from "../policy/types.ts";
import { PosternError } from "../errors.ts";
import { removalNotice, type Removed } from "./notices.ts";
import type { AgentPorts } from "./ports.ts";

/** How often the part around one that cannot be taken out alone is tried in its place. */
const MAX_TRIES = 6;

/** What cleaning left of a message. */
export interface Cleaned {
  readonly mode: CleanMode;
  /** The octets that may go on; absent where nothing is left and no notice could stand for it. */
  readonly message?: Uint8Array;
  readonly layout?: MessageLayout;
  /** True where nothing of what was sent is left. */
  readonly deleted: boolean;
  /** What the scan of the rest says; where no message is left, `clean`. */
  readonly remaining: ScanStatus;
}

/** What is cleaned, and how. */
export interface Cleaning {
  readonly message: Uint8Array;
  readonly verdict: Verdict;
  readonly mode: CleanMode;
  /** Of the scan that gave the verdict: the rest is scanned with the same. */
  readonly settings: ScanSettings;
  /** Of the notices. */
  readonly language: ResolvedSettings["marks"]["language"];
  /** Named in the notices. */
  readonly quarantineId?: string;
  readonly signal?: AbortSignal;
}

/**
 * Takes what is infected out of a message, and scans what is left.
 *
 * | mode | takes out | of an archive | where that cannot be done |
 * | --- | --- | --- | --- |
 * | `none` | nothing | | |
 * | `standard` | what is infected | the infected entries; the archive is written anew | nothing is cleaned |
 * | `strict` | parts with something infected in them | the whole archive | the part around it, at last everything |
 * | `rigorous` | parts with something infected or suspicious | the whole archive | the part around it, at last everything |
 * | `delete` | everything, when anything is infected | | |
 *
 * What is left is scanned like a message that has just come. Where that finds what should be gone, the message counts as not
 * cleaned in `standard`, and in the other modes everything is taken out. See docs/cleaning.md.
 *
 * @returns `undefined` where there is nothing to clean, or it cannot be cleaned in this mode: the policy's `infected` applies.
 */
export async function cleanMessage(
  ports: AgentPorts,
  cleaning: Cleaning,
): Promise<Cleaned | undefined> {
  const { verdict, mode } = cleaning;
  if (mode === "none") return undefined;
  const wanted = verdict.findings.filter((finding) => isUnwanted(finding, mode));
  if (wanted.length === 0) return undefined;
  if (mode === "delete") return await deleteAll(ports, cleaning, wanted);
  // External engines say what is in a message, and not where. What is in the same parts goes with those, and they are asked again.
  const placed = wanted.filter(({ part }) => part !== "");
  const taken = placed.length === 0 ? wanted : placed;
  const plan = planRemovals(verdict, taken, grainOf(mode));
  if (plan !== undefined && !plan.whole) {
    const removals = plan.removals.map(({ part, report, findings, entries }): Removal => {
      const name = report?.names[0];
      const notice = noticeOf(cleaning, {
        what: entries === undefined ? "part" : "entries",
        ...(name === undefined ? {} : { name }),
        ...(report === undefined ? {} : { size: report.size }),
        findings,
      });
      return { part, notice, ...(entries === undefined ? {} : { entries }) };
    });
    const cleaned = await takeOut(ports, cleaning, removals);
    if (cleaned !== undefined) return cleaned;
  }
  return mode === "standard" ? undefined : await deleteAll(ports, cleaning, wanted);
}

/** Whether a finding is one that this mode takes out. */
function isUnwanted({ severity }: Finding, mode: CleanMode): boolean {
  return severity === "infected" || mode === "rigorous";
}

function grainOf(mode: CleanMode): Grain {
  return mode === "standard" ? "entries" : "parts";
}

/** Parts go; in the modes other than `standard` the part around one that does not go alone goes in its place. */
async function takeOut(
  ports: AgentPorts,
  cleaning: Cleaning,
  removals: readonly Removal[],
): Promise<Cleaned | undefined> {
  let remove = removals;
  for (let tries = 0; tries < MAX_TRIES; tries++) {
    const result = await rewrite(ports, cleaning, { remove });
    if (result === undefined) return undefined;
    const { failed } = result;
    if (failed.length === 0) return await scanned(ports, cleaning, result, false);
    if (cleaning.mode === "standard" || failed.some((part) => !part.includes("."))) {
      return undefined;
    }
    remove = remove.map((one) =>
      failed.includes(one.part) ? { ...one, part: one.part.replace(/\.\d+$/, "") } : one
    ).filter((one, i, all) => all.findIndex(({ part }) => part === one.part) === i);
  }
  return undefined;
}

/** The content is replaced by a notice; the header's fields that do not describe the content stay. */
async function deleteAll(
  ports: AgentPorts,
  cleaning: Cleaning,
  findings: readonly Finding[],
): Promise<Cleaned> {
  const notice = noticeOf(cleaning, { what: "content", findings });
  const result = await rewrite(ports, cleaning, { remove: [{ part: "", notice }] });
  const whole = { mode: cleaning.mode, deleted: true, remaining: "clean" } as const;
  if (result === undefined || result.failed.length > 0) return whole;
  return await scanned(ports, cleaning, result, true) ?? whole;
}

/** What is left after a rewrite, if the scan finds in it nothing that should be gone. */
async function scanned(
  ports: AgentPorts,
  { mode, settings, signal }: Cleaning,
  { message, layout }: RewriteResult,
  deleted: boolean,
): Promise<Cleaned | undefined> {
  const { status, findings } = await ports.scan(message, settings, signal);
  if (findings.some((finding) => isUnwanted(finding, mode))) {
    ports.log("warning", "What cleaning left of a message is not clean", {
      mode,
      findings: findings.slice(0, 10).map(({ name }) => name).join(", "),
    });
    return undefined;
  }
  return { mode, message, layout, deleted, remaining: status };
}

/** `undefined` where the scanner could not do it. */
async function rewrite(
  ports: AgentPorts,
  { message, signal }: Cleaning,
  request: RewriteRequest,
): Promise<RewriteResult | undefined> {
  try {
    return await ports.rewrite(message, request, signal);
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    ports.log("warning", "Cannot take infected parts out of a message", { error: error.message });
    return undefined;
  }
}

function noticeOf({ language, quarantineId }: Cleaning, removed: Removed): Removal["notice"] {
  const kept = quarantineId === undefined ? {} : { quarantineId };
  return removalNotice({ ...removed, ...kept }, language);
}
