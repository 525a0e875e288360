/** Header fields as ranges of octets, read in every way in which line ends and odd lines are taken. */
import type { AmbiguityName } from "./ambiguities.ts";
import { MAX_KEPT_FIELDS, MAX_VALUE } from "./limits.ts";
import type { Source } from "./source.ts";

const TAB = 9, LF = 10, CR = 13, SPACE = 32, DASH = 45, COLON = 58;

/** One header field. Offsets are into the source. */
export interface Field {
  /** Lower case, comments and blanks removed. */
  readonly name: string;
  readonly start: number;
  /** First octet after the colon. */
  readonly valueStart: number;
  /** Past the last octet of the value, last line end not counted. */
  readonly valueEnd: number;
  /** Past the line end. */
  readonly end: number;
}

/** What the header of one part can be read as. */
export interface HeaderReading {
  /** Fields of every reading in order of their start. */
  readonly fields: readonly Field[];
  /** Past the last field, before the empty line, in the standard reading. */
  readonly headerEnd: number;
  /** Where the body may begin: standard reading first. */
  readonly bodyStarts: readonly number[];
  readonly ambiguities: readonly AmbiguityName[];
}

/** Which line ends a reader honours; to `strict` ones a line of nothing but CR is not empty. */
type LineEndMode = "lf" | "crlf" | "cr" | "strict";

/** Names worth keeping: what gives a part its meaning, and what is reported. */
function isKept(name: string): boolean {
  return name.startsWith("content-") || name === "subject" || name === "message-id" ||
    name.startsWith("x-postern-");
}

/**
 * Reads a header that begins at `start`.
 *
 * @param keep Which fields to keep (name in lower case); others are passed over without cost.
 */
export function readHeader(
  source: Source,
  start: number,
  end: number,
  keep: (name: string) => boolean = isKept,
): HeaderReading {
  const main = scan(source, start, end, "lf", keep);
  const { bareCr, bareLf, crlf } = source.ends;
  const others: Scan[] = [];
  if (bareCr) others.push(scan(source, start, end, "cr", keep));
  if (main.endsAtCr) others.push(scan(source, start, end, "strict", keep));
  if (bareLf && crlf && main.bareLf) others.push(scan(source, start, end, "crlf", keep));
  if (others.length === 0 && main.bodyStarts.length === 1) {
    return {
      fields: main.fields,
      headerEnd: main.headerEnd,
      bodyStarts: main.bodyStarts,
      ambiguities: [...main.ambiguities],
    };
  }
  const fields = [...main.fields];
  const bodyStarts = [...main.bodyStarts];
  const ambiguities = new Set(main.ambiguities);
  const seen = new Set(fields.map((field) => `${field.start}-${field.valueEnd}`));
  for (const other of others) {
    for (const field of other.fields) {
      const key = `${field.start}-${field.valueEnd}`;
      if (seen.has(key)) continue;
      seen.add(key);
      fields.push(field);
      ambiguities.add(bareCr ? "bare-cr" : "mixed-line-ends");
    }
    for (const at of other.bodyStarts) if (!bodyStarts.includes(at)) bodyStarts.push(at);
    for (const name of other.ambiguities) ambiguities.add(name);
  }
  return { fields, headerEnd: main.headerEnd, bodyStarts, ambiguities: [...ambiguities] };
}

interface Scan {
  readonly fields: Field[];
  headerEnd: number;
  bodyStarts: number[];
  readonly ambiguities: Set<AmbiguityName>;
  bareLf: boolean;
  /** Whether what ends the header is a line of CRs, not an empty one. */
  readonly endsAtCr: boolean;
}

const NO_AMBIGUITIES: ReadonlySet<AmbiguityName> = new Set();

function scan(
  source: Source,
  start: number,
  end: number,
  mode: LineEndMode,
  keep: (name: string) => boolean,
): Scan {
  const { octets } = source;
  const fields: Field[] = [];
  let ambiguities: Set<AmbiguityName> | undefined;
  const note = (name: AmbiguityName) => (ambiguities ??= new Set()).add(name);
  // Readers that end the header at what is no field end it at the first such line.
  // Some take it for the separator, and the body begins behind it.
  let junkAt: number | undefined;
  let junkEnd: number | undefined;
  let blankAt: number | undefined;
  let open: { name: string; start: number; valueStart: number } | undefined;
  let openEnd = start; // past the content of the last line of the open field
  let any = false; // whether a field was seen
  let junkFirst = false;
  let bareLf = false;
  let endsAtCr = false;
  let position = start;
  let headerEnd = -1;
  let bodyStart = -1;
  const close = (at: number) => {
    if (open !== undefined) {
      if (fields.length < MAX_KEPT_FIELDS) fields.push({ ...open, valueEnd: openEnd, end: at });
      else note("too-many-readings");
    }
    open = undefined;
  };
  while (position < end) {
    const next = lineNext(octets, position, end, mode);
    let lineEnd = next;
    if (lineEnd > position && octets[lineEnd - 1] === LF) {
      lineEnd--;
      if (lineEnd > position && octets[lineEnd - 1] === CR) lineEnd--;
      else bareLf = true;
    } else if (lineEnd > position && octets[lineEnd - 1] === CR) lineEnd--;
    let first = octets[position]!;
    let from = position;
    if (first === CR && lineEnd > position) { // LF CR pairs, or CR before a name
      while (from < lineEnd && octets[from] === CR) from++;
      first = octets[from] ?? LF;
    }
    if (from >= lineEnd) {
      if (lineEnd > position) {
        if (mode === "strict") {
          openEnd = lineEnd;
          position = next;
          continue;
        }
        endsAtCr = true;
      }
      headerEnd = position;
      bodyStart = next;
      break;
    }
    if (first === SPACE || first === TAB) {
      if (isBlankLine(octets, from, lineEnd)) {
        note("blank-fold");
        blankAt ??= next;
      }
      if (open === undefined && !any) {
        note("missing-blank-line");
        if (position === start) junkFirst = true;
        junkAt ??= position;
        junkEnd ??= next;
      }
      openEnd = lineEnd;
      position = next;
      continue;
    }
    const colon = nameEnd(octets, from, lineEnd);
    let name: string | undefined;
    if (colon > from) {
      name = octets[colon - 1]! > SPACE && isCleanName(octets, from, colon)
        ? from === position ? cleanName(source, from, colon) : tidyName(source, from, colon)
        : tidyName(source, from, colon);
      if (name !== undefined && !isCleanName(octets, position, colon)) note("odd-field-name");
    }
    if (name === undefined) {
      const valid = position === start && (isMailboxLine(octets, position));
      if (!valid) {
        if (continuesParameters(source, open, openEnd, from, lineEnd)) {
          note("folded-parameter");
          openEnd = lineEnd;
        }
        note("missing-blank-line");
        if (position === start) junkFirst = true;
        junkAt ??= position;
        junkEnd ??= next;
      }
      position = next;
      continue;
    }
    close(position);
    any = true;
    if (name !== "" && keep(name)) {
      open = { name, start: position, valueStart: octets[colon] === COLON ? colon + 1 : colon };
    }
    openEnd = lineEnd;
    position = next;
  }
  if (headerEnd < 0) {
    headerEnd = end;
    bodyStart = end;
  }
  close(headerEnd);
  let bodyStarts = [bodyStart];
  if (junkAt !== undefined || blankAt !== undefined) {
    // Without a single field the first line already is the body.
    if (!any && junkFirst) {
      headerEnd = start;
      bodyStarts = bodyStart < end ? [start, bodyStart] : [start];
    }
    for (const at of [junkAt, junkEnd, blankAt]) {
      if (at !== undefined && !bodyStarts.includes(at)) bodyStarts.push(at);
    }
  }
  return {
    fields,
    headerEnd,
    bodyStarts,
    ambiguities: ambiguities ?? new Set(NO_AMBIGUITIES),
    bareLf,
    endsAtCr,
  };
}

function lineNext(octets: Uint8Array, start: number, end: number, mode: LineEndMode): number {
  if (mode === "cr") {
    // No search for LF here: with CR as line end it may be far away, again and again.
    for (let i = start; i < end; i++) {
      if (octets[i] === LF || octets[i] === CR && octets[i + 1] !== LF) return i + 1;
    }
    return end;
  }
  let lf = octets.indexOf(LF, start);
  if (mode === "crlf") {
    while (lf >= 0 && lf < end && octets[lf - 1] !== CR) lf = octets.indexOf(LF, lf + 1);
  }
  return lf < 0 || lf >= end ? end : lf + 1;
}

function isBlankLine(octets: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const octet = octets[i]!;
    if (octet !== SPACE && octet !== TAB && octet !== CR && octet !== 0) return false;
  }
  return true;
}

/** Where the name ends: the colon, outside comments; -1 if there is none. */
function nameEnd(octets: Uint8Array, start: number, end: number): number {
  let depth = 0;
  const most = Math.min(end, start + 1024);
  for (let i = start; i < most; i++) {
    const octet = octets[i]!;
    if (octet === 40) depth++;
    else if (octet === 41 && depth > 0) depth--;
    else if (octet === COLON && depth === 0) return i;
  }
  if (depth === 0 && most === end) return -1;
  const colon = octets.subarray(start, end).indexOf(COLON); // an open comment, or a very long name
  return colon < 0 ? -1 : start + colon;
}

/** Printable ASCII without blanks: RFC 5322, section 3.6.8; parentheses are taken for a comment. */
function isCleanName(octets: Uint8Array, start: number, end: number): boolean {
  for (let i = start; i < end; i++) {
    const octet = octets[i]!;
    if (octet <= SPACE || octet >= 127 || octet === 40 || octet === 41) return false;
  }
  return true;
}

/** The name if it could be one that is kept, else empty (no text is made for the many others). */
function cleanName(source: Source, start: number, end: number): string {
  return source.text(start, end).toLowerCase();
}

/** What is left of an odd name when comments, blanks and control characters are taken out; undefined if no name is. */
function tidyName(source: Source, start: number, end: number): string | undefined {
  if (end - start > 1024) return undefined;
  const text = source.text(start, end).replace(/\([^)]*\)?/g, "")
    .replace(/(?![\t\n])[\p{Cc}\u00a0-\u00ff]/gu, "").trim();
  if (/^[!-~]+$/.test(text)) return text.toLowerCase();
  const last = /(?:^|[\s:])(content-[a-z-]+)$/i.exec(text);
  return last?.[1]?.toLowerCase();
}

/** `From ` or `>From ` of a mailbox, or the octets of a byte order mark and nothing else. */
function isMailboxLine(octets: Uint8Array, start: number): boolean {
  const at = octets[start] === 62 ? start + 1 : start;
  return octets[at] === 70 && octets[at + 1] === 114 && octets[at + 2] === 111 &&
    octets[at + 3] === 109 && octets[at + 4] === SPACE;
}

/** Whether a line without indent goes on with the parameters of the open field: `name=value`, or the field before ended in `;`. */
function continuesParameters(
  source: Source,
  open: { name: string; valueStart: number } | undefined,
  openEnd: number,
  start: number,
  end: number,
): boolean {
  if (open === undefined || !open.name.startsWith("content-")) return false;
  if (source.octets[start] === DASH && source.octets[start + 1] === DASH) return false;
  const line = source.text(start, Math.min(end, start + 256));
  return /^\s*;?\s*[\w*.-]+\s*=/.test(line) ||
    /[;=]\s*$/.test(source.text(Math.max(open.valueStart, openEnd - 16), openEnd));
}

/** The value of a field as text, a character an octet, unfolded, outer blanks removed. */
export function fieldText(source: Source, field: Field): string {
  const end = Math.min(field.valueEnd, field.valueStart + MAX_VALUE);
  const text = source.text(field.valueStart, end);
  if (!text.includes("\n") && !text.includes("\r")) return text.trim();
  return text.replace(/\r?\n\r?(?=[ \t])/g, "").replace(/[\r\n]+/g, " ").trim();
}
