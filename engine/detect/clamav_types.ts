/** ClamAV's words for types of content, in ours. */
import { FILE_TYPES, type FileType } from "../file_types.ts";

/** ClamAV's functionality level that signatures are read for: that of 1.4. */
export const FUNCTIONALITY_LEVEL = 213;

/** Types of content for each target number; absent: any. @see ClamAV documentation, "Target types" */
const TARGETS: readonly (ReadonlySet<string> | undefined)[] = [
  undefined,
  new Set<FileType>(["pe", "ne", "le", "mz"]),
  new Set<FileType>(["ole", "msi"]),
  new Set<FileType>(["html", "svg", "hta", "xml"]),
  new Set<FileType>(["message", "mbox"]),
  new Set<FileType>(FILE_TYPES.media),
  new Set<FileType>(["elf"]),
  new Set<FileType>(["text", ...FILE_TYPES.script, ...FILE_TYPES.markup]),
  undefined, // not used
  new Set<FileType>(["macho"]),
  new Set<FileType>(["pdf"]),
  new Set<FileType>(["flash"]),
  new Set<FileType>(["class", "jar"]),
];

/** Number of a target as written; a few words where it is not known. */
export function readTarget(text: string): number | string {
  const target = /^\d{1,2}$/.test(text) ? Number(text) : -1;
  return target === 8 || target < 0 || target >= TARGETS.length ? "an unknown target type" : target;
}

/** Whether content of a type is what a target means. */
export function isTarget(target: number, type: string): boolean {
  return TARGETS[target]?.has(type) ?? target === 0;
}

/** Whether signatures for a target are written for text in its normal form (text_normal.ts): HTML and plain text. */
export function isTextTarget(target: number): boolean {
  return target === 3 || target === 7;
}

/** Containers: ClamAV's names for them without `CL_TYPE_`. */
const CONTAINERS: Readonly<Record<string, readonly string[]>> = {
  ZIP: ["zip", "jar", "apk", "crx", "ooxml", "odf", "epub"],
  ZIPSFX: ["pe"],
  RAR: ["rar"],
  RARSFX: ["pe"],
  EGG: ["alz"],
  ALZ: ["alz"],
  ARJ: ["arj"],
  ARJSFX: ["pe"],
  CAB: ["cab"],
  CABSFX: ["pe"],
  "7Z": ["7z"],
  "7ZSFX": ["pe"],
  GZ: ["gzip"],
  BZ: ["bzip2"],
  XZ: ["xz", "lzma"],
  LHA_LZH: ["lzh"],
  POSIX_TAR: ["tar"],
  OLD_TAR: ["tar"],
  CPIO_OLD: ["cpio"],
  CPIO_ODC: ["cpio"],
  CPIO_NEWC: ["cpio"],
  CPIO_CRC: ["cpio"],
  MAIL: ["message", "mbox"],
  MSCHM: ["chm"],
  MSOLE2: ["ole", "msi"],
  MSSZDD: ["szdd"],
  ISO9660: ["iso"],
  UDF: ["udf"],
  DMG: ["dmg"],
  XAR: ["xar"],
  PDF: ["pdf"],
  RTF: ["rtf"],
  HTML: ["html", "svg"],
  TNEF: ["tnef"],
  BINHEX: ["binhex"],
  UUENCODED: ["uuencode"],
  MSEXE: ["pe", "mz", "ne", "le"],
  ELF: ["elf"],
  SWF: ["flash"],
  OOXML_WORD: ["ooxml"],
  OOXML_XL: ["ooxml"],
  OOXML_PPT: ["ooxml"],
  ONENOTE: ["onenote"],
};

/** Our types for `CL_TYPE_ZIP` and the like; empty for any; absent where there is no such type here. */
export function containerTypes(text: string): readonly string[] | undefined {
  if (text === "*" || text === "CL_TYPE_ANY" || text === "CL_TYPE_ANY_CONTAINER") return [];
  return text.startsWith("CL_TYPE_") ? CONTAINERS[text.slice(8)] : undefined;
}

/** Whether signatures between two functionality levels, as written, are for us; a few words where they are not. */
export function readLevels(min: string | undefined, max: string | undefined): string | undefined {
  const bad = [min, max].some((text) => text !== undefined && !/^\d{0,9}$/.test(text));
  if (bad) return "a functionality level that is no number";
  const isOurs = Number(min ?? 0) <= FUNCTIONALITY_LEVEL &&
    (max === undefined || max === "" || Number(max) >= FUNCTIONALITY_LEVEL);
  return isOurs ? undefined : "signatures for other versions of the engine";
}
