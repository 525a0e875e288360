/** S/MIME without a header of its own to read: the content inside a signature, in DER or BER (RFC 5652, sections 3, 5 and 6). */
import { Buffer } from "node:buffer";
import { decodeCleanBase64, lenientBase64 } from "../message/base64.ts";
import { berHeader, isCms } from "../detect/cms_type.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

/** Values inside values that are followed; SignedData has its content in the fifth, split octet strings in the next. */
const MAX_DEPTH = 12;
/** Pieces that a content may be split into: BER writers use pieces of 1 to 64 KiB. */
const MAX_PIECES = 200_000;

const SEQUENCE = 0x30, OCTETS = 0x04, SPLIT_OCTETS = 0x24, OID = 0x06, CONTEXT_0 = 0xa0;
/** What is behind 1.2.840.113549.1.7 (2 signed, 3 enveloped, 6 encrypted) and 1.2.840.113549.1.9.16.1 (9 compressed, 23 enveloped with MAC). */
const PKCS7 = "2a864886f70d0107", SMIME = "2a864886f70d0109100";

/** One value: tag, and where its content lies; `end` is past it all. */
interface Value {
  readonly tag: number;
  readonly start: number;
  readonly stop: number;
  readonly end: number;
}

/** Opens CMS: gives the content of SignedData and CompressedData; what is enveloped is encrypted. */
export function* unpkcs7(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const der = isCms(octets) ? octets : pem(octets);
  const outer = der && valueAt(der, 0, der.length, MAX_DEPTH);
  if (!der || outer?.tag !== SEQUENCE) return context.note("malformed");
  const [type, wrapped] = values(der, outer, context);
  if (type?.tag !== OID || wrapped?.tag !== CONTEXT_0) return context.note("malformed");
  const oid = hex(der, type);
  const [content] = values(der, wrapped, context);
  if (content?.tag !== SEQUENCE) return context.note("malformed");
  if (oid === `${PKCS7}02`) {
    // version, digest algorithms, EncapsulatedContentInfo
    const [, , inner] = values(der, content, context);
    const [, explicit] = inner === undefined ? [] : values(der, inner, context);
    if (explicit === undefined) return; // a signature over what stands elsewhere
    const [string] = values(der, explicit, context);
    const found = string && joined(der, string, context);
    if (found === undefined) return context.note("malformed");
    context.budget.unpacked(found.length);
    yield { names: [], content: found };
  } else if (oid === `${PKCS7}03` || oid === `${PKCS7}06` || oid === `${SMIME}117`) {
    context.budget.breach("encrypted");
    yield {
      names: [],
      size: content.stop - content.start,
      encrypted: true,
      notScanned: "encrypted",
    };
  } else if (oid === `${SMIME}109`) {
    // version, algorithm (zlib is the only one), EncapsulatedContentInfo: RFC 3274. What is inside inflates as a file of its own.
    const [, , inner] = values(der, content, context);
    const [, explicit] = inner === undefined ? [] : values(der, inner, context);
    const [string] = explicit === undefined ? [] : values(der, explicit, context);
    const found = string && joined(der, string, context);
    if (found === undefined) return context.note("malformed");
    context.budget.unpacked(found.length);
    yield { names: [], content: found };
  } else context.note("unsupported");
}

/** The octets between the lines of PEM (RFC 7468). */
function pem(octets: Uint8Array): Uint8Array | undefined {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.length).toString("latin1");
  const body = /-----BEGIN [^-\r\n]{1,64}-----([A-Za-z0-9+/=\s]*)/.exec(text)?.[1];
  if (body === undefined) return undefined;
  const coded = Buffer.from(body, "latin1");
  return decodeCleanBase64(coded) ?? lenientBase64(coded);
}

function hex(der: Uint8Array, { start, stop }: Value): string {
  return Buffer.from(der.subarray(start, Math.min(stop, start + 32))).toString("hex");
}

/** A value that begins at `at`; undefined where its tag or length cannot be. An indefinite length ends at its end mark. */
function valueAt(der: Uint8Array, at: number, limit: number, depth: number): Value | undefined {
  const header = berHeader(der, at);
  if (header === undefined || header.start > limit || (header.tag & 31) === 31) return undefined;
  const { tag, length, start } = header;
  if (length !== undefined) return bounded(tag, start, length, limit);
  if ((tag & 32) === 0 || depth === 0) return undefined;
  let next = start;
  while (next + 2 <= limit && (der[next] !== 0 || der[next + 1] !== 0)) {
    const inner = valueAt(der, next, limit, depth - 1);
    if (inner === undefined) return { tag, start, stop: limit, end: limit };
    next = inner.end;
  }
  return { tag, start, stop: Math.min(next, limit), end: Math.min(next + 2, limit) };
}

/** What goes beyond the limit is cut: mail programs show what is there. */
function bounded(tag: number, start: number, length: number, limit: number): Value {
  const stop = Math.min(start + length, limit);
  return { tag, start: Math.min(start, stop), stop, end: stop };
}

/** Values directly inside a value, at most four. */
function values(der: Uint8Array, { start, stop }: Value, context: UnpackContext): Value[] {
  const found: Value[] = [];
  for (let at = start; at < stop && found.length < 4 && context.budget.time();) {
    const value = valueAt(der, at, stop, MAX_DEPTH);
    if (value === undefined || value.end <= at) break;
    found.push(value);
    at = value.end;
  }
  return found;
}

/** The octets of an octet string, whole or in pieces. */
function joined(der: Uint8Array, string: Value, { budget }: UnpackContext): Uint8Array | undefined {
  if (string.tag === OCTETS) return der.subarray(string.start, string.stop);
  if (string.tag !== SPLIT_OCTETS) return undefined;
  const pieces: Uint8Array[] = [];
  const collect = (value: Value, depth: number): void => {
    for (let at = value.start; at < value.stop && pieces.length < MAX_PIECES && budget.time();) {
      const piece = valueAt(der, at, value.stop, MAX_DEPTH);
      if (piece === undefined || piece.end <= at) return;
      if (piece.tag === OCTETS) pieces.push(der.subarray(piece.start, piece.stop));
      else if (piece.tag === SPLIT_OCTETS && depth > 0) collect(piece, depth - 1);
      at = piece.end;
    }
  };
  collect(string, MAX_DEPTH);
  return new Uint8Array(Buffer.concat(pieces));
}
