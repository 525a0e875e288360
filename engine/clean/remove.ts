/** Taking parts out of a message: their octets are replaced by a short notice, every other octet stays as it is. */
import { Buffer } from "node:buffer";
import { Budget } from "../budget.ts";
import { readMessage } from "../message/read.ts";
import type { MessageReading, PartReading } from "../message/types.ts";
import type { NoticeLanguage, Removal, ScanLimits } from "../types.ts";
import { Contents } from "./contents.ts";
import { messageLanguage, noticeIn } from "./language.ts";
import { noticeEntity, noticeLines } from "./notice.ts";
import { base64Lines } from "./quote.ts";
import { withoutEntries } from "./rebuild.ts";
import { toAscii } from "./transliterate.ts";

/** A cut: octets of the message, and what takes their place. */
interface Cut {
  readonly part: PartReading;
  readonly start: number;
  readonly end: number;
  readonly by: Uint8Array;
  /** Whether the content of the part is to be gone afterwards; it stays, changed, where only entries were taken out. */
  readonly whole: boolean;
}

/** What is left, and what could not be done. */
export interface Removed {
  readonly message: Uint8Array;
  readonly failed: readonly string[];
}

/**
 * Removes parts, and entries of archives.
 *
 * A body part becomes a text/plain part with the notice; a single-part message keeps its header but for the Content-* fields. A
 * part that cannot be taken out alone (it lies inside an encoded part, or its content still shows in some reading of what is
 * left) is in `failed`, and so is an archive that cannot be written anew; then the message is not safe to deliver.
 *
 * @param octets The message as it was scanned.
 */
export function removeParts(
  octets: Uint8Array,
  removals: readonly Removal[],
  limits: ScanLimits,
): Removed {
  if (removals.length === 0) return { message: octets, failed: [] };
  const before = readMessage(octets, new Budget(limits));
  const byPath = new Map(before.parts.map((part) => [part.path, part]));
  let language: NoticeLanguage | undefined;
  const failed: string[] = [];
  const cuts: Cut[] = [];
  for (const removal of removals) {
    const part = byPath.get(removal.part);
    const notice = noticeIn(removal.notice, () => language ??= messageLanguage(before));
    const cut = part === undefined
      ? undefined
      : removal.entries === undefined
      ? cutOf(octets, before, part, notice)
      : archiveCut(octets, before, part, removal.entries, notice, limits);
    if (cut === undefined) failed.push(removal.part);
    else cuts.push(cut);
  }
  const message = apply(octets, cuts);
  const after = readMessage(message, new Budget(limits));
  const shown = new Contents(before.parts), left = new Contents(after.parts);
  const missed = new Set(failed);
  for (const cut of cuts) if (stillThere(shown, left, cut)) missed.add(cut.part.path);
  return { message, failed: [...missed] };
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
  const whole = { part, ...part.range, whole: true };
  if (part.kind === "embedded" || part.kind === "preamble" || part.kind === "epilogue") {
    // Text of another part, in whatever charset.
    const text = noticeLines(toAscii(notice)).join(lineEnd) + lineEnd;
    return { ...whole, by: encode(part.kind === "embedded" ? text : `${lineEnd}${text}`) };
  }
  const isMessageRoot = part.path === "" ||
    reading.parts.some((one) => one.kind === "message" && one.children.includes(part));
  const entity = noticeEntity(notice, lineEnd);
  if (!isMessageRoot) return { ...whole, by: entity };
  // A message as a whole: its own fields stay, those that describe the content go.
  return { ...whole, by: Buffer.concat([keptFields(octets, part), entity]) };
}

/** The part's body written anew with less in the archive; only base64 that every reader decodes alike. */
function archiveCut(
  octets: Uint8Array,
  reading: MessageReading,
  part: PartReading,
  entries: readonly string[],
  notice: string,
  limits: ScanLimits,
): Cut | undefined {
  const [content] = part.contents;
  if (
    !part.inMessage || content?.reading !== "base64" || part.contents.length !== 1 ||
    part.children.length > 0
  ) return undefined;
  const text = `${notice.replace(/\r\n?|\n/g, "\r\n").trimEnd()}\r\n`;
  const archive = withoutEntries(content.octets, new Set(entries), text, new Budget(limits));
  if (archive === undefined) return undefined;
  const { start, end } = part.bodyRange;
  const { lineEnd } = reading.layout;
  const last = octets[end - 1] === 10 ? lineEnd : "";
  return { part, start, end, by: encode(base64Lines(archive, lineEnd) + last), whole: false };
}

/** The header of a message without its Content-* fields, octet by octet as it stands. */
export function keptFields(octets: Uint8Array, part: PartReading): Uint8Array {
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
function stillThere(before: Contents, after: Contents, { part, whole }: Cut): boolean {
  if (part.contents.some(({ octets }) => octets.length > 0 && after.count(octets) > 0)) return true;
  if (!whole) return false;
  const inside: Uint8Array[] = [];
  const collect = (one: PartReading) => {
    for (const { octets } of one.contents) inside.push(octets);
    one.children.forEach(collect);
  };
  collect(part);
  const counts = new Map<string, number>();
  for (const octets of inside) {
    if (octets.length === 0) continue;
    const hash = before.hash(octets);
    counts.set(hash, (counts.get(hash) ?? 0) + 1);
  }
  return inside.some((octets) =>
    octets.length > 0 && counts.get(before.hash(octets)) === before.count(octets) &&
    after.count(octets) > 0
  );
}
