/** From Content-Transfer-Encoding fields to every content that a reader would decode. */
import { Buffer } from "node:buffer";
import { gunzipSync } from "node:zlib";
import { freeOctets } from "../../free_octets.ts";
import type { AmbiguityName } from "./ambiguities.ts";
import { base64Readings, decodeCleanBase64, lenientBase64, looksLikeBase64 } from "./base64.ts";
import { MAX_CONTENTS } from "./limits.ts";
import { quotedPrintableReadings } from "./quoted_printable.ts";
import type { PartContent } from "./types.ts";
import { decodeUuBody } from "./uuencode.ts";
import { decodeWords } from "./words.ts";

/** Encodings that are decoded. */
export type Encoding = "identity" | "base64" | "quoted-printable" | "uuencode" | "gzip64";

/** What the fields of one part can mean. */
export interface EncodingReading {
  /** Likeliest first; never empty. */
  readonly encodings: readonly Encoding[];
  readonly ambiguities: readonly AmbiguityName[];
}

const KNOWN: Readonly<Record<string, Encoding>> = {
  "7bit": "identity",
  "8bit": "identity",
  "binary": "identity",
  "base64": "base64",
  "quoted-printable": "quoted-printable",
};

/** Names outside RFC 2045 that have one meaning only. */
const FOREIGN: Readonly<Record<string, Encoding>> = {
  "x-uuencode": "uuencode",
  "x-uue": "uuencode",
  "uuencode": "uuencode",
  "uue": "uuencode",
  "x-gzip64": "gzip64",
  "gzip64": "gzip64",
  "x-gzip-base64": "gzip64",
  "x-yencode": "identity", // found in the text by its =ybegin line
  "binhex": "identity",
  "x-binhex": "identity",
  "mac-binhex40": "identity",
  "mac-binhex": "identity",
};

const PLAIN: EncodingReading = { encodings: ["identity"], ambiguities: [] };

/** Readings of the values of all Content-Transfer-Encoding fields of a part, in order. */
export function readEncodings(values: readonly string[]): EncodingReading {
  if (values.length === 0) return PLAIN;
  const encodings = new Set<Encoding>();
  const ambiguities = new Set<AmbiguityName>();
  for (const value of values) {
    const lower = value.trim().toLowerCase();
    const known = KNOWN[lower];
    if (known !== undefined) {
      encodings.add(known);
      continue;
    }
    const before = encodings.size;
    for (const one of guess(lower)) encodings.add(one);
    if (FOREIGN[lower] === undefined && encodings.size > before) {
      const tidy = lower.replace(/\([^()]*\)/g, "").trim();
      if (KNOWN[tidy] === undefined || encodings.size > before + 1) {
        ambiguities.add("unknown-transfer-encoding");
      }
    }
  }
  if (encodings.size > 1 && values.length > 1) ambiguities.add("duplicate-transfer-encoding");
  return { encodings: [...encodings], ambiguities: [...ambiguities] };
}

/** What readers may make of a value that RFC 2045 does not know. */
function guess(lower: string): Encoding[] {
  const found = new Set<Encoding>();
  const forms = [lower, lower.replace(/\([^()]*\)?/g, ""), decodeWords(lower)];
  for (const form of forms) {
    for (const token of [form.trim(), ...form.split(/[\s,;"'():\p{Cc}]+/u)]) {
      const one = KNOWN[token] ?? FOREIGN[token];
      if (one !== undefined) found.add(one);
    }
    const letters = form.replace(/[^a-z0-9]/g, "");
    if (letters.includes("gzip64")) found.add("gzip64");
    if (letters.includes("base64") || letters.includes("64") || /\bb(?:ase)?\b/.test(form)) {
      found.add("base64");
    }
    if (/quoted|print|qp\b|^q/.test(form) || letters.includes("quotedprintable")) {
      found.add("quoted-printable");
    }
    if (/uu/.test(letters)) found.add("uuencode");
  }
  // RFC 2045, section 6.4: an encoding that is not known makes the content opaque.
  found.add("identity");
  return [...found];
}

/** What decoding a body gave. */
export interface Decoded {
  /** Distinct, likeliest first, at least one. */
  readonly contents: readonly PartContent[];
  readonly ambiguities: readonly AmbiguityName[];
}

const NONE: readonly AmbiguityName[] = [];

/**
 * Decodes a body in every way.
 *
 * @param bodies The body from each place where it may begin, standard reading first.
 * @param most Octets that one decoding may put out.
 * @param time Asked after each reading; false ends with those that are there.
 * @param readings Of what is malformed, likeliest first, beside what is there without decoding; default: all.
 */
export function decodeBody(
  bodies: readonly Buffer[],
  encodings: readonly Encoding[],
  most: number,
  time: () => boolean = () => true,
  readings = Infinity,
): Decoded {
  if (bodies.length === 1 && encodings.length === 1) {
    const body = bodies[0]!;
    if (encodings[0] === "identity" && !looksLikeBase64(body)) {
      return { contents: [{ octets: view(body), reading: "identity" }], ambiguities: NONE };
    }
    if (encodings[0] === "base64") {
      const octets = decodeCleanBase64(body);
      if (octets !== undefined) {
        return { contents: [{ octets, reading: "base64" }], ambiguities: NONE };
      }
    }
  }
  const contents: PartContent[] = [];
  const ambiguities = new Set<AmbiguityName>();
  let left = most;
  for (const body of bodies) {
    for (const encoding of encodings) {
      const before = contents.length;
      let given = 0;
      for (const content of decodeAs(body, encoding, left, ambiguities, readings)) {
        given++;
        if (contents.some((known) => equal(known.octets, content.octets))) {
          forget(content.octets, [...bodies, ...contents.map(({ octets }) => octets)]);
          continue;
        }
        if (contents.length >= MAX_CONTENTS) {
          ambiguities.add("too-many-readings");
          break;
        }
        contents.push(content);
        if (content.octets.buffer !== body.buffer) left -= content.octets.length;
        // the caller's charge and the clock say so
        if (left < 0 || !time()) return { contents, ambiguities: [...ambiguities] };
      }
      if (encoding === "quoted-printable" && given > 1 && contents.length > before + 1) {
        ambiguities.add("malformed-quoted-printable");
      }
    }
  }
  return { contents, ambiguities: [...ambiguities] };
}

function* decodeAs(
  body: Buffer,
  encoding: Encoding,
  most: number,
  ambiguities: Set<AmbiguityName>,
  readings: number,
): Generator<PartContent, void> {
  const raw: PartContent = { octets: view(body), reading: "identity" };
  switch (encoding) {
    case "identity": {
      yield raw;
      const octets = looksLikeBase64(body) ? decodeCleanBase64(body) : undefined;
      if (octets === undefined) return;
      ambiguities.add("undeclared-base64");
      yield { octets, reading: "base64/undeclared" };
      return;
    }
    case "base64": {
      const octets = decodeCleanBase64(body);
      if (octets !== undefined) {
        yield { octets, reading: "base64" };
        return;
      }
      ambiguities.add("malformed-base64");
      yield* base64Readings(body).take(readings);
      yield raw;
      return;
    }
    case "quoted-printable":
      yield* quotedPrintableReadings(view(body)).take(readings);
      return;
    case "uuencode": {
      yield raw;
      let given = 0;
      for (const { octets, reading } of decodeUuBody(view(body))) {
        if (octets.length === 0) continue;
        if (++given > 1) ambiguities.add("malformed-uuencode");
        yield { octets, reading };
      }
      return;
    }
    case "gzip64": {
      const packed = decodeCleanBase64(body) ?? lenientBase64(body);
      try {
        const octets = gunzipSync(packed, { maxOutputLength: Math.max(1, most) });
        yield { octets: view(octets), reading: "gzip64" };
      } catch {
        // Not gzip, or more than the budget: the packed octets stand for themselves and are unpacked like those of a file.
      }
      yield { octets: packed, reading: "base64" };
    }
  }
}

/** Frees what a reader would decode as another one does: a large body has several of them, each as large. */
function forget(octets: Uint8Array, kept: readonly Uint8Array[]): void {
  if (!kept.some(({ buffer }) => buffer === octets.buffer)) freeOctets(octets);
}

function equal(a: Uint8Array, b: Uint8Array): boolean {
  return a.length === b.length && Buffer.compare(a, b) === 0;
}

/** A plain Uint8Array over the same octets, so that no Buffer leaves the reader. */
function view(octets: Uint8Array): Uint8Array {
  return new Uint8Array(octets.buffer, octets.byteOffset, octets.byteLength);
}
