/** Where the parts of a multipart begin and end, for every reader (RFC 2046, section 5.1.1). */
import type { OctetRange } from "../types.ts";
import type { AmbiguityName } from "./ambiguities.ts";
import { octetsOf } from "./charsets.ts";
import { isInHeader } from "./inner_header.ts";
import type { Line } from "./lines.ts";
import type { Source } from "./source.ts";

/** A piece between delimiters. */
export interface Segment extends OctetRange {
  readonly kind: "part" | "preamble" | "epilogue";
}

/** What splitting at one boundary gives. */
export interface Split {
  /** Pieces of every reading, distinct, those of the standard reading first; empty if the boundary does not occur. */
  readonly segments: readonly Segment[];
  readonly ambiguities: readonly AmbiguityName[];
}

/** How well a line is a delimiter. */
type Fit = "exact" | "close" | "indented" | "prefix" | "prefixClose";

interface Hit {
  readonly line: Line;
  readonly fit: Fit;
  /** Preceded by CRLF, or at the start of the body. */
  readonly afterCrlf: boolean;
}

const DASH = 45, LF = 10, CR = 13;

/** Splits a body at a boundary. */
export function splitAt(
  source: Source,
  start: number,
  end: number,
  boundary: string,
): Split {
  const octets = octetsOf(boundary);
  const hits: Hit[] = [];
  let odd = false;
  for (const line of source.lines(start, end)) {
    if (line.kind !== "dashes") continue;
    const fit = match(source.octets, line, octets, source.ends.nul);
    if (fit === undefined) continue;
    if (fit !== "exact" && fit !== "close") odd = true;
    const afterCrlf = line.start === start || source.octets[line.start - 1] === LF &&
        source.octets[line.start - 2] === CR;
    hits.push({ line, fit, afterCrlf });
  }
  if (hits.length === 0) return { segments: [], ambiguities: [] };
  const ambiguities = new Set<AmbiguityName>();
  const plain = odd ? hits.filter((hit) => hit.fit === "exact" || hit.fit === "close") : hits;
  const segments = segmentsOf(source, start, end, plain, true);
  const closeAt = plain.findIndex((hit) => hit.fit === "close");
  if (closeAt < 0 && plain.length > 0) ambiguities.add("missing-close");
  const after = closeAt >= 0 && closeAt < plain.length - 1;
  const extra: Segment[][] = [];
  if (after) {
    ambiguities.add("parts-after-close");
    extra.push(segmentsOf(source, start, end, plain, false));
  }
  if (odd) {
    for (const hit of hits) {
      if (hit.fit === "indented") ambiguities.add("boundary-indented");
      if (hit.fit === "prefix" || hit.fit === "prefixClose") ambiguities.add("boundary-prefix");
    }
    extra.push(
      segmentsOf(source, start, end, hits, true),
      segmentsOf(source, start, end, hits, false),
      segmentsOf(source, start, end, hits.filter((hit) => hit.fit !== "indented"), false),
    );
  }
  const { bareLf, crlf, bareCr } = source.ends;
  if ((bareLf && crlf || bareCr) && hits.some((hit) => !hit.afterCrlf)) {
    ambiguities.add(bareCr ? "bare-cr" : "mixed-line-ends");
    extra.push(segmentsOf(source, start, end, hits.filter((hit) => hit.afterCrlf), true));
  }
  const outside = outsideHeaders(source, end, hits);
  if (outside.length < hits.length) {
    // Readers that look for delimiters in bodies only.
    const before = extra.length;
    extra.push(segmentsOf(source, start, end, outside, true));
    const known = new Set(segments.map((one) => `${one.start}-${one.end}`));
    const isNew = (one: Segment) => one.kind === "part" && !known.has(`${one.start}-${one.end}`);
    if (extra[before]!.some(isNew)) ambiguities.add("boundary-in-header");
  }
  if (extra.length > 0) {
    const seen = new Set(segments.map((one) => `${one.start}-${one.end}`));
    for (const one of extra.flat()) {
      const key = `${one.start}-${one.end}`;
      // Another reading's preamble or epilogue is made of octets that other segments hold already.
      if (one.kind !== "part" || seen.has(key)) continue;
      seen.add(key);
      segments.push(one);
    }
  }
  return { segments, ambiguities: [...ambiguities] };
}

/** Hits without those that stand between another one and the first empty line behind it, if there is one. */
function outsideHeaders(source: Source, end: number, hits: readonly Hit[]): readonly Hit[] {
  const { octets } = source;
  let bodyAt = -1; // of the part behind the last hit that counts
  const outside: Hit[] = [];
  let last = -1; // behind the hit before
  for (const hit of hits) {
    const isNext = hit.line.start === last; // with no line between them that could be a header's
    last = hit.line.next;
    if (hit.line.start < bodyAt) {
      if (isNext) outside.push(hit);
      continue;
    }
    // of a part within the part, whose delimiters are others
    if (outside.length > 0 && isInHeader(source, hit.line, bodyAt, end)) continue;
    outside.push(hit);
    if (hit === hits.at(-1)) break;
    bodyAt = hit.line.next;
    while (octets[bodyAt] !== LF && !(octets[bodyAt] === CR && octets[bodyAt + 1] === LF)) {
      const lf = octets.indexOf(LF, bodyAt);
      if (lf < 0 || lf >= end - 1) return hits; // nothing but a header is hidden there
      bodyAt = lf + 1;
    }
  }
  return outside;
}

/** The pieces between hits; after a closing delimiter everything is epilogue if `stop`. */
function segmentsOf(
  source: Source,
  start: number,
  end: number,
  hits: readonly Hit[],
  stop: boolean,
): Segment[] {
  const segments: Segment[] = [];
  const first = hits[0];
  if (first === undefined) return segments;
  if (first.line.start > start) {
    const to = source.beforeLineEnd(first.line.start, start);
    if (to > start) segments.push({ kind: "preamble", start, end: to });
  }
  for (let i = 0; i < hits.length; i++) {
    const { line, fit } = hits[i]!;
    const from = Math.min(line.next, end);
    if (fit === "close" && stop) {
      if (from < end) segments.push({ kind: "epilogue", start: from, end });
      break;
    }
    const following = hits[i + 1];
    const to = following === undefined ? end : source.beforeLineEnd(following.line.start, from);
    if (following === undefined && (fit === "close" || fit === "prefixClose")) {
      if (from < end) segments.push({ kind: "epilogue", start: from, end });
    } else segments.push({ kind: "part", start: from, end: Math.max(from, to) });
  }
  return segments;
}

function match(
  octets: Uint8Array,
  line: Line,
  boundary: Uint8Array,
  nul: boolean,
): Fit | undefined {
  let i = line.at + 2;
  for (let k = 0; k < boundary.length; k++, i++) {
    if (nul) { while (octets[i] === 0 && i < line.end && boundary[k] !== 0) i++; }
    if (i >= line.end || octets[i] !== boundary[k]) return undefined;
  }
  const indented = line.at !== line.start;
  const after = i;
  const close = octets[i] === DASH && octets[i + 1] === DASH && i + 2 <= line.end;
  if (close) i += 2;
  while (i < line.end && (octets[i] === 32 || octets[i] === 9 || octets[i] === CR)) i++;
  if (i >= line.end) return indented ? "indented" : close ? "close" : "exact";
  if (nul) {
    let k = i;
    while (k < line.end && octets[k]! <= 32) k++;
    if (k >= line.end) return "indented";
  }
  // `--boundary --` and `--boundary--more`: where a reader only compares the beginning.
  if (boundary.length === 0) return undefined;
  const rest = octets.subarray(after, line.end);
  let k = 0;
  while (k < rest.length && rest[k]! <= 32) k++;
  return rest[k] === DASH && rest[k + 1] === DASH ? "prefixClose" : "prefix";
}

/**
 * Boundaries that nobody declared: lines of dashes with a header field on the next line. Each once, at most `most`.
 *
 * @param anyField Whether any field will do, or only one of MIME.
 */
export function undeclaredBoundaries(
  source: Source,
  start: number,
  end: number,
  most: number,
  anyField = false,
): string[] {
  const found = new Set<string>();
  for (const line of source.lines(start, end)) {
    if (found.size >= most) break;
    if (line.kind !== "dashes" || line.end - line.at < 3 || line.end - line.at > 256) continue;
    if (!isFieldLine(source, line.next, end, anyField)) continue;
    const text = source.text(line.at + 2, line.end).replace(/[\s\0]+$/, "");
    if (text !== "" && !/^-*$/.test(text)) found.add(text);
  }
  return [...found];
}

/** Whether a line begins like a header field, of MIME if not any. */
function isFieldLine(source: Source, start: number, end: number, any: boolean): boolean {
  const text = source.text(start, Math.min(end, start + 128));
  if (any) return /^\s*[!-9;-~]{1,76}\s*(?:\([^)]*\)\s*)?:/.test(text);
  return /^\s*content-[a-z-]{2,40}\s*(?:\([^)]*\)\s*)?:/i.test(text);
}
