/** What the header fields of one part say it is: the union of what readers take from them. */
import type { AmbiguityName } from "./ambiguities.ts";
import { isKnownCharset } from "./charsets.ts";
import { type Encoding, readEncodings } from "./encodings.ts";
import { type Field, fieldText, type HeaderReading } from "./headers.ts";
import { MAX_ANALYSED_VALUE, MAX_BOUNDARIES, MAX_SAME_FIELDS } from "./limits.ts";
import { comparableName, decodeNames } from "./names.ts";
import { readStructured, type StructuredValue } from "./parameters.ts";
import type { Source } from "./source.ts";

/** What a part is, by its header. */
export interface Meaning {
  /** `type/subtype`, lower case, likeliest first. */
  readonly types: readonly string[];
  readonly boundaries: readonly string[];
  /** Whether a boundary is declared in a charset that is not known: it may be any. */
  readonly anyBoundary: boolean;
  readonly encodings: readonly Encoding[];
  readonly names: readonly string[];
  readonly charsets: readonly string[];
  readonly attachment: boolean;
  readonly ambiguities: readonly AmbiguityName[];
}

const NOTHING: Meaning = {
  types: [],
  boundaries: [],
  anyBoundary: false,
  encodings: ["identity"],
  names: [],
  charsets: [],
  attachment: false,
  ambiguities: [],
};

/** Reads the Content-* fields of a part. */
export function readMeaning(source: Source, header: HeaderReading): Meaning {
  let typeFields: Field[] | undefined;
  let dispositions: Field[] | undefined;
  let transfers: Field[] | undefined;
  for (const field of header.fields) {
    if (field.name === "content-type") (typeFields ??= []).push(field);
    else if (field.name === "content-disposition") (dispositions ??= []).push(field);
    else if (field.name === "content-transfer-encoding") (transfers ??= []).push(field);
  }
  if (typeFields === undefined && dispositions === undefined && transfers === undefined) {
    return NOTHING;
  }
  const ambiguities = new Set<AmbiguityName>();
  const types = new Set<string>();
  const boundaries = new Set<string>();
  const rawNames: string[] = [];
  const primaryNames: string[] = [];
  const charsets = new Set<string>();
  let attachment = false;
  const typeTexts = texts(source, typeFields, ambiguities);
  const typeValues = typeTexts.map(readStructured);
  for (const value of typeValues) {
    const found = value.mains.map(mediaType).filter((one) => one !== undefined);
    for (const one of found) types.add(one);
    if (!value.clean && (found.length === 0 || new Set(found).size > 1)) {
      ambiguities.add("odd-content-type");
    }
    for (const one of value.parameter("charset")) charsets.add(one.toLowerCase());
    collectNames(value, ["name", "filename"]);
  }
  const dispositionTexts = texts(source, dispositions, ambiguities);
  const dispositionValues = dispositionTexts.map(readStructured);
  for (const value of dispositionValues) {
    if (value.mains.some((one) => one.startsWith("attachment"))) attachment = true;
    collectNames(value, ["filename", "name"]);
  }
  const both = [...dispositionTexts, ...typeTexts].filter((one) => one.includes("*"));
  if (both.length > 1) {
    // Some readers put the pieces of RFC 2231 together over fields.
    collectNames(readStructured(both.join("; ")), ["filename", "name"]);
  }
  for (const value of [...typeValues, ...dispositionValues]) {
    for (const one of value.parameter("boundary")) {
      // RFC 2046: a boundary does not end in a blank; readers drop it or take it.
      if (boundaries.size < MAX_BOUNDARIES) boundaries.add(one.replace(/[ \t]+$/, ""));
      if (boundaries.size < MAX_BOUNDARIES && one !== one.trimEnd()) boundaries.add(one);
    }
  }
  if (typeTexts.length > 1) ambiguities.add("duplicate-content-type");
  if (dispositionTexts.length > 1) ambiguities.add("duplicate-disposition");
  if (boundaries.size >= MAX_BOUNDARIES) ambiguities.add("too-many-readings");
  if (boundaries.size > 1) ambiguities.add("duplicate-boundary");
  if ([...typeTexts, ...dispositionTexts].some((one) => one.includes("\0"))) {
    ambiguities.add("nul");
  }
  if (new Set(primaryNames.map(comparableName)).size > 1) ambiguities.add("ambiguous-name");
  const transfer = readEncodings(texts(source, transfers, ambiguities));
  for (const name of transfer.ambiguities) ambiguities.add(name);
  // What readers prefer: the file name of the disposition, then the name of the type.
  const names = decodeNames([...primaryNames.slice(-1), ...primaryNames, ...rawNames]);
  return {
    types: [...types],
    boundaries: [...boundaries],
    anyBoundary: [...typeTexts, ...dispositionTexts].some(isBoundaryUnknown),
    encodings: transfer.encodings,
    names,
    charsets: [...charsets],
    attachment,
    ambiguities: [...ambiguities],
  };

  function collectNames(value: StructuredValue, keys: readonly string[]): void {
    for (const key of keys) {
      const readings = value.parameter(key);
      if (readings.length === 0) continue;
      const first = decodeNames(readings.slice(0, 1))[0];
      if (first !== undefined) primaryNames.push(first);
      rawNames.push(...readings);
    }
  }
}

/** Whether a boundary by RFC 2231 names a charset that is not known. */
function isBoundaryUnknown(text: string): boolean {
  if (!text.includes("*")) return false;
  const named = text.slice(0, MAX_ANALYSED_VALUE)
    .matchAll(/boundary\*(?:\d{1,6}\*)?\s*=\s*"?([^'";]{1,64})'/gi);
  return [...named].some(([, charset = ""]) => !isKnownCharset(charset));
}

/** Texts of fields, each distinct text once; of too many the first and the last, since those are what readers take. */
function texts(
  source: Source,
  fields: readonly Field[] | undefined,
  ambiguities: Set<AmbiguityName>,
): string[] {
  if (fields === undefined) return [];
  const all = fields.length === 1
    ? [fieldText(source, fields[0]!)]
    : [...new Set(fields.map((field) => fieldText(source, field)))];
  const many = all.length > MAX_SAME_FIELDS;
  if (many || all.some((text) => text.length > MAX_ANALYSED_VALUE)) {
    ambiguities.add("too-many-readings");
  }
  const half = MAX_SAME_FIELDS / 2;
  return many ? [...all.slice(0, half), ...all.slice(-half)] : all;
}

/** `type/subtype` of what stands before the parameters; a lone type gets its usual subtype. */
function mediaType(main: string): string | undefined {
  if (/^[\w.+-]+\/[\w.+-]+$/.test(main)) return main;
  if (/^multipart\b/.test(main)) return "multipart/mixed";
  if (main === "text") return "text/plain";
  if (main === "message") return "message/rfc822";
  return undefined;
}
