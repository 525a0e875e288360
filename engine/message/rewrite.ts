/** Taking parts out of a message: their octets are replaced by a short notice, every other octet stays as it is. */
import { Buffer } from "node:buffer";
import { Budget } from "../budget.ts";
import type { RewriteRequest, RewriteResult, ScanLimits } from "../types.ts";
import { readMessage } from "./read.ts";
import type { MessageReading, PartReading } from "./types.ts";
import { tidyText } from "./words.ts";

/** Reading again for rewriting: the message was let in by the scan's own limits already, so these only keep it finite. */
const LIMITS: ScanLimits = {
  messageOctets: Number.MAX_SAFE_INTEGER,
  depth: 50,
  files: 100_000,
  octets: 2 ** 31,
  ratio: 1_000,
  timeMs: 60_000,
};

/** A cut: octets of the message, and what takes their place. */
interface Cut {
  readonly part: PartReading;
  readonly start: number;
  readonly end: number;
  readonly by: Uint8Array;
}

/**
 * Removes parts.
 *
 * A body part becomes a text/plain part with the notice; a single-part message keeps its header but for the Content-* fields. A
 * part that cannot be taken out alone (it lies inside an encoded part, or its content still shows in some reading of what is
 * left) is reported in `failed`, and then the message is not safe to deliver.
 *
 * @param octets The message as it was scanned.
 */
export function rewriteMessage(octets: Uint8Array, request: RewriteRequest): RewriteResult {
  const before = readMessage(octets, new Budget(LIMITS));
  if (request.remove.length === 0) return { message: octets, layout: before.layout, failed: [] };
  const failed: string[] = [];
  const cuts: Cut[] = [];
  for (const { part: path, notice } of request.remove) {
    const part = before.parts.find((one) => one.path === path);
    const cut = part === undefined ? undefined : cutOf(octets, before, part, notice);
    if (cut === undefined) failed.push(path);
    else cuts.push(cut);
  }
  const message = apply(octets, cuts);
  const after = readMessage(message, new Budget(LIMITS));
  for (const cut of cuts) {
    if (!failed.includes(cut.part.path) && stillThere(before, after, cut.part)) {
      failed.push(cut.part.path);
    }
  }
  return { message, layout: after.layout, failed };
}

/** Where a part is cut and what stands there then; undefined if it is not in the message's own octets. */
function cutOf(
  octets: Uint8Array,
  reading: MessageReading,
  part: PartReading,
  notice: string,
): Cut | undefined {
  if (!part.inMessage) return undefined;
  const { lineEnd } = reading.layout;
  const text = noticeText(notice, lineEnd);
  if (part.kind === "embedded" || part.kind === "preamble" || part.kind === "epilogue") {
    const by = part.kind === "embedded" ? text : `${lineEnd}${text}`;
    return { part, ...part.range, by: encode(by) };
  }
  const fields = `Content-Type: text/plain; charset=utf-8${lineEnd}` +
    `Content-Transfer-Encoding: 8bit${lineEnd}`;
  const isMessageRoot = part.path === "" ||
    reading.parts.some((one) => one.kind === "message" && one.children.includes(part));
  if (!isMessageRoot) {
    return { part, ...part.range, by: encode(`${fields}${lineEnd}${text}`) };
  }
  // A message as a whole: its own fields stay, those that describe the content go.
  const kept = keptFields(octets, part);
  const by = Buffer.concat([kept, encode(`${fields}${lineEnd}${text}`)]);
  return { part, ...part.range, by };
}

/** The header of a message without its Content-* fields, octet by octet as it stands. */
function keptFields(octets: Uint8Array, part: PartReading): Uint8Array {
  const kept: Uint8Array[] = [];
  let keeping = true;
  for (let at = part.headerRange.start; at < part.headerRange.end;) {
    const lf = octets.indexOf(10, at);
    const next = lf < 0 || lf >= part.headerRange.end ? part.headerRange.end : lf + 1;
    const first = octets[at]!;
    if (first !== 32 && first !== 9) {
      const line = Buffer.from(octets.subarray(at, Math.min(next, at + 256))).toString("latin1");
      // Lines that are no field, or hide a second one behind a bare CR, go too.
      keeping = /^(?:>?From |[!-9;-~]+[ \t]*:)/.test(line) && !/^[\s\0]*content-/i.test(line) &&
        !octets.subarray(at, lf < 0 ? next : Math.max(at, next - 2)).includes(13);
    } else if (octets.subarray(at, Math.max(at, next - 2)).includes(13)) keeping = false;
    if (keeping) kept.push(octets.subarray(at, next));
    at = next;
  }
  const last = kept.at(-1);
  if (last !== undefined && last.at(-1) !== 10) kept.push(encode("\r\n"));
  return Buffer.concat(kept);
}

/** The notice as lines that no reader can take for structure: no delimiter, no begin line, ending without line end. */
function noticeText(notice: string, lineEnd: string): string {
  return notice.split(/\r\n|\r|\n/)
    .map((line) => tidyText(line, 900))
    .map((line) => /^[^\p{L}\p{N}]|^begin/iu.test(line) ? `| ${line}` : line)
    .join(lineEnd).trimEnd() + lineEnd;
}

function encode(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

/** Replaces the cuts; one inside another is covered by the outer. */
function apply(octets: Uint8Array, cuts: readonly Cut[]): Uint8Array {
  const chunks: Uint8Array[] = [];
  let at = 0;
  for (const cut of cuts.toSorted((a, b) => a.start - b.start || b.end - a.end)) {
    if (cut.start < at) {
      // Overlaps the cut before it: take out what goes beyond.
      if (cut.end > at) at = cut.end;
      continue;
    }
    chunks.push(octets.subarray(at, cut.start), cut.by);
    at = cut.end;
  }
  chunks.push(octets.subarray(at));
  return new Uint8Array(Buffer.concat(chunks));
}

/**
 * Whether the part's content still shows in what is left. What lay below it (in a removed message, say) counts only where no
 * other part had the same before: two parts may hold the same harmless text.
 */
function stillThere(before: MessageReading, after: MessageReading, removed: PartReading): boolean {
  const gone = new Set(removed.contents.map((content) => content.octets));
  const inside = new Set<PartReading>();
  const collect = (part: PartReading) => {
    inside.add(part);
    part.children.forEach(collect);
  };
  collect(removed);
  const others = before.parts.filter((part) => !inside.has(part));
  for (const part of inside) {
    for (const { octets } of part.contents) if (!holds(others, octets)) gone.add(octets);
  }
  return [...gone].some((octets) => octets.length > 0 && holds(after.parts, octets));
}

function holds(parts: readonly PartReading[], octets: Uint8Array): boolean {
  return parts.some((part) =>
    part.contents.some((content) =>
      content.octets.length === octets.length && Buffer.compare(content.octets, octets) === 0
    )
  );
}
