/**
 * ClamAV's signatures of one pattern: `name:target:offset:hex[:minFL[:maxFL]]`.
 *
 * @see ClamAV documentation, "Extended signature format"
 */
import { readLevels, readTarget } from "../clamav_types.ts";
import { type BytePattern, parsePattern, type PatternOffset } from "../pattern.ts";
import { findingName } from "./lines.ts";

const OFFSET =
  /^(?:(EOF)-(\d{1,9})|(EP)([+-])(\d{1,9})|S(\d{1,3})\+(\d{1,9})|(SL)\+(\d{1,9})|SE(\d{1,3})|(\d{1,9}))(?:,(\d{1,9}))?$/;

/** Reads the place of a pattern; `undefined` for any; a few words where it is not supported. */
export function parseOffset(text: string): PatternOffset | string | undefined {
  if (text === "*") return undefined;
  const found = OFFSET.exec(text);
  if (!found) {
    return text.startsWith("VI") ? "places in version information" : "a place that cannot be read";
  }
  const [, end, fromEnd, entry, sign, fromEntry, section, inSection, last, inLast, whole, start] =
    found;
  const slack = Number(found[12] ?? 0);
  if (end) {
    const place = Number(fromEnd);
    return { from: "end", min: Math.max(0, place - slack), max: place };
  }
  if (entry) {
    const place = sign === "-" ? -Number(fromEntry) : Number(fromEntry);
    return { from: "entry", min: place, max: place + slack };
  }
  if (whole !== undefined) return { from: "inSection", section: Number(whole), min: 0, max: 0 };
  if (last) return { from: "lastSection", min: Number(inLast), max: Number(inLast) + slack };
  if (section !== undefined) {
    const place = Number(inSection);
    return { from: "section", section: Number(section), min: place, max: place + slack };
  }
  return { from: "start", min: Number(start), max: Number(start) + slack };
}

/** Reads a line of .ndb, .ndu; a few words where it cannot be used. */
export function parsePatternLine(
  line: string,
  severity: "infected" | "suspicious",
): BytePattern | string {
  const [name = "", type = "", place = "", hex = "", ...levels] = line.split(":");
  const other = readLevels(levels[0], levels[1]);
  if (other !== undefined) return other;
  const target = readTarget(type);
  if (typeof target === "string") return target;
  const pieces = parsePattern(hex);
  if (typeof pieces === "string") return pieces;
  const macro = /^\$(\d{1,2})$/.exec(place)?.[1];
  if (macro !== undefined) {
    return { name: findingName(name), severity, target, pieces, macro: Number(macro) };
  }
  const offset = parseOffset(place);
  if (typeof offset === "string") return offset;
  return { name: findingName(name), severity, target, pieces, ...(offset ? { offset } : {}) };
}
