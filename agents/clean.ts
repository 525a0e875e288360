import type {
  CleanMode,
  Finding,
  MessageLayout,
  PartReport,
  ScanStatus,
  Verdict,
} from "../engine/types.ts";
import { PosternError } from "../errors.ts";
import type { AgentPorts } from "./ports.ts";

/** What cleaning left of a message. */
export interface Cleaned {
  readonly mode: CleanMode;
  /** The octets that may go on; absent where nothing is left and no notice could stand for it. */
  readonly message?: Uint8Array;
  readonly layout?: MessageLayout;
  /** True where nothing of what was sent is left. */
  readonly deleted: boolean;
  /** What the rest is: the removed parts no longer count. */
  readonly remaining: ScanStatus;
}

/**
 * Takes what is infected out of a message.
 *
 * | mode | removes | where a part cannot be taken out alone |
 * | --- | --- | --- |
 * | `standard` | infected parts | the message stays infected |
 * | `strict` | infected parts | the whole content is deleted |
 * | `rigorous` | infected and suspicious parts | the whole content is deleted |
 * | `delete` | the whole content when anything is infected | |
 *
 * @returns `undefined` where there is nothing to clean, or it cannot be cleaned in this mode.
 */
export async function cleanMessage(
  ports: AgentPorts,
  message: Uint8Array,
  verdict: Verdict,
  mode: CleanMode,
  signal?: AbortSignal,
): Promise<Cleaned | undefined> {
  if (mode === "none") return undefined;
  const wanted = verdict.findings.filter((finding) =>
    finding.severity === "infected" || mode === "rigorous"
  );
  if (wanted.length === 0) return undefined;
  const remove = mode === "delete" ? new Map([["", wanted]]) : byMimePart(wanted);
  if (remove.has("") || nothingLeft(verdict.parts, remove)) {
    return await deleteAll(ports, message, mode, wanted, signal);
  }
  try {
    const result = await ports.rewrite(
      message,
      { remove: removals(remove, verdict.parts) },
      signal,
    );
    if (result.failed.length === 0) {
      const remaining = remainingStatus(verdict, wanted);
      return { mode, message: result.message, layout: result.layout, deleted: false, remaining };
    }
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    ports.log("warning", "Cannot take infected parts out of a message", { error: error.message });
  }
  return mode === "standard" ? undefined : await deleteAll(ports, message, mode, wanted, signal);
}

/** The content is replaced by a notice; the header's fields that do not describe the content stay. */
async function deleteAll(
  ports: AgentPorts,
  message: Uint8Array,
  mode: CleanMode,
  findings: readonly Finding[],
  signal?: AbortSignal,
): Promise<Cleaned> {
  const whole = { mode, deleted: true, remaining: "clean" } as const;
  try {
    const remove = [{ part: "", notice: notice("The content of this message", findings) }];
    const result = await ports.rewrite(message, { remove }, signal);
    if (result.failed.length === 0) {
      return { ...whole, message: result.message, layout: result.layout };
    }
  } catch (error) {
    if (!(error instanceof PosternError)) throw error;
    ports.log("warning", "Cannot replace the content of a message", { error: error.message });
  }
  return whole;
}

/** The MIME part that a finding's object came in: what stands before the first container's entry. */
function byMimePart(findings: readonly Finding[]): Map<string, Finding[]> {
  const parts = new Map<string, Finding[]>();
  for (const finding of findings) {
    const slash = finding.part.indexOf("/");
    const part = slash === -1 ? finding.part : finding.part.slice(0, slash);
    const there = parts.get(part);
    if (there) there.push(finding);
    else parts.set(part, [finding]);
  }
  return parts;
}

/** Whether no leaf of the MIME tree would stay. */
function nothingLeft(parts: readonly PartReport[], remove: ReadonlyMap<string, unknown>): boolean {
  const mime = parts.filter((part) => part.kind === "part");
  const parents = new Set(mime.map((part) => part.parent));
  const leaves = mime.filter((part) => !parents.has(part.path));
  return leaves.length > 0 && leaves.every(({ path }) => {
    for (const removed of remove.keys()) {
      if (path === removed || path.startsWith(`${removed}.`)) return true;
    }
    return false;
  });
}

function removals(
  remove: ReadonlyMap<string, readonly Finding[]>,
  parts: readonly PartReport[],
): { part: string; notice: string }[] {
  const names = new Map(parts.map((part) => [part.path, part.names[0]]));
  return [...remove].map(([part, findings]) => {
    const name = names.get(part);
    const what = name ? `The attachment "${printable(name)}"` : "A part of this message";
    return { part, notice: notice(what, findings) };
  });
}

function notice(what: string, findings: readonly Finding[]): string {
  const found = [...new Set(findings.map((finding) => printable(finding.name)))].slice(0, 10);
  return `${what} was removed by the mail gateway. Found: ${found.join(", ")}.\r\n`;
}

/** A name from the message may hold anything; the notice must stay one line of text. */
function printable(text: string): string {
  return text.replace(/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu, "").slice(0, 200);
}

function remainingStatus(verdict: Verdict, removed: readonly Finding[]): ScanStatus {
  const gone = new Set(removed);
  const rest = verdict.findings.filter((finding) => !gone.has(finding));
  if (rest.some((finding) => finding.severity === "infected")) return "infected";
  if (rest.length > 0) return "suspicious";
  return verdict.notScanned.length > 0 ? "notScanned" : "clean";
}
