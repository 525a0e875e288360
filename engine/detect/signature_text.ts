/**
 * Reads signature lists that people and other scanners write: ClamAV's `.hdb` and `.hsb` (hashes), `.fp` and `.sfp` (hashes of
 * what is known to be good), `.ndb` (byte patterns). What a line asks that is not supported is told by line, never passed over
 * in silence.
 *
 * @see ClamAV documentation, "Signatures": hash-based, extended
 */
import { FILE_TYPES, type FileType } from "./file_type_table.ts";
import type { HashRow } from "./hash_list.ts";
import { type BytePattern, parsePattern, type PatternOffset } from "./pattern.ts";

/** A line that is not used. */
export interface UnusedLine {
  /** From 1. */
  readonly line: number;
  /** A sentence for people. */
  readonly why: string;
}

/** What a list holds. */
export interface SignatureText<T> {
  /** What could be read. */
  readonly rows: readonly T[];
  /** What could not. */
  readonly unused: readonly UnusedLine[];
}

/** Types of content for each ClamAV target number. */
const TARGETS: Readonly<Record<string, ReadonlySet<string> | undefined>> = {
  "0": undefined,
  "1": new Set<FileType>(["pe", "ne", "le", "mz"]),
  "2": new Set<FileType>(["ole", "msi"]),
  "3": new Set<FileType>(["html", "svg", "hta", "xml"]),
  "4": new Set<FileType>(["message", "mbox"]),
  "5": new Set<FileType>(FILE_TYPES.media),
  "6": new Set<FileType>(["elf"]),
  "7": new Set<FileType>(["text", ...FILE_TYPES.script, ...FILE_TYPES.markup]),
  "9": new Set<FileType>(["macho"]),
  "10": new Set<FileType>(["pdf"]),
  "11": new Set<FileType>(["flash"]),
  "12": new Set<FileType>(["class", "jar"]),
};

/** Finding names are printable ASCII, at most 200 characters: everything else in a list becomes `?`. */
export function findingName(text: string): string {
  return text.replace(/[^\x20-\x7e]/g, "?").slice(0, 200) || "?";
}

function readLines<T>(text: string, read: (line: string) => T | string): SignatureText<T> {
  const rows: T[] = [];
  const unused: UnusedLine[] = [];
  for (const [index, raw] of text.split("\n").entries()) {
    const line = raw.trim();
    if (line === "" || line.startsWith("#")) continue;
    const row = read(line);
    if (typeof row === "string") unused.push({ line: index + 1, why: row });
    else rows.push(row);
  }
  return { rows, unused };
}

/** Reads `hash:size:name` lines; the hash is MD5, SHA-1 or SHA-256 in hex, the size a number or `*`. */
export function readHashText(text: string): SignatureText<HashRow> {
  return readLines(text, (line) => {
    const [digest = "", size = "", name = ""] = line.split(":");
    if (!/^([0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})$/i.test(digest)) {
      return "The hash is not MD5, SHA-1 or SHA-256 in hex";
    }
    const row = { name: findingName(name), digest: digest.toLowerCase() };
    if (size === "*") return row;
    if (!/^\d{1,10}$/.test(size) || Number(size) >= 2 ** 32 - 1) {
      return "The size is not a number of octets or *";
    }
    return { ...row, size: Number(size) };
  });
}

/** @returns A sentence where the offset is of a kind that is not supported. */
function readOffset(text: string): PatternOffset | string {
  if (text === "*") return undefined;
  const found = /^(EOF-)?(\d{1,10})(?:,(\d{1,10}))?$/.exec(text);
  if (!found) return `The offset ${text.slice(0, 40)} is not supported`;
  const place = Number(found[2]);
  const slack = Number(found[3] ?? 0);
  return found[1]
    ? { from: "end", min: Math.max(0, place - slack), max: place }
    : { from: "start", min: place, max: place + slack };
}

/** Reads `name:target:offset:hex[:minFL[:maxFL]]` lines. */
export function readPatternText(text: string): SignatureText<BytePattern> {
  return readLines(text, (line) => {
    const [name = "", target = "", place = "", hex = ""] = line.split(":");
    if (!Object.hasOwn(TARGETS, target)) {
      return `The target ${target.slice(0, 20)} is not supported`;
    }
    const offset = readOffset(place);
    if (typeof offset === "string") return offset;
    const pieces = parsePattern(hex);
    if (typeof pieces === "string") return pieces;
    const types = TARGETS[target];
    return {
      name: findingName(name),
      severity: "infected" as const,
      pieces,
      ...(offset ? { offset } : {}),
      ...(types ? { types } : {}),
    };
  });
}
