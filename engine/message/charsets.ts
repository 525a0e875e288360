/** Octets to text in a declared charset, never failing. */
import { Buffer } from "node:buffer";
import { lenientBase64 } from "./base64.ts";
import { ebcdicDecoder } from "./ebcdic.ts";

interface Decoder {
  decode(octets: Uint8Array): string;
}

const decoders = new Map<string, Decoder | undefined>();

/** A decoder for the label; undefined if the label is unknown. Labels with RFC 2231 language tails are cut. */
function decoderFor(charset: string): Decoder | undefined {
  const label = charset.replace(/\*.*$/, "").replace(/^["']+|["']+$/g, "").trim().toLowerCase();
  if (decoders.has(label)) return decoders.get(label);
  let decoder: Decoder | undefined;
  try {
    decoder = new TextDecoder(label);
  } catch {
    decoder = ebcdicDecoder(label); // else an unknown label: the caller falls back
  }
  if (decoders.size < 256) decoders.set(label, decoder);
  return decoder;
}

/** Whether text in this charset can be decoded. */
export function isKnownCharset(charset: string): boolean {
  return decoderFor(charset) !== undefined;
}

const utf8 = new TextDecoder("utf-8", { fatal: true });

/** Text of octets whose charset nobody names: UTF-8 where it is valid, else Windows-1252. */
export function decodeUnlabelled(octets: Uint8Array): string {
  try {
    return utf8.decode(octets);
  } catch {
    return decoderFor("windows-1252")!.decode(octets);
  }
}

/** Text of octets in the charset, or as {@link decodeUnlabelled} if the charset is unknown or absent. */
export function decodeText(octets: Uint8Array, charset: string | undefined): string {
  if (charset === undefined || charset === "") return decodeUnlabelled(octets);
  if (/^utf-?7$/i.test(charset.trim())) return decodeUtf7(octets);
  return decoderFor(charset)?.decode(octets) ?? decodeUnlabelled(octets);
}

/** UTF-7 (RFC 2152): browsers dropped it, some mail programs did not. */
export function decodeUtf7(octets: Uint8Array): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("latin1");
  return text.replace(/\+([A-Za-z0-9+/]*)-?/g, (_all: string, coded: string) => {
    if (coded === "") return "+";
    const raw = lenientBase64(Buffer.from(coded, "latin1"));
    let decoded = "";
    for (let i = 0; i + 1 < raw.length; i += 2) {
      decoded += String.fromCharCode(raw[i]! << 8 | raw[i + 1]!);
    }
    return decoded;
  });
}

/** Octets of a text in which each character stands for the octet of the same number; larger ones become UTF-8. */
export function octetsOf(text: string): Uint8Array {
  const wide = /[^\0-\xff]/.test(text);
  return wide ? new TextEncoder().encode(text) : Buffer.from(text, "latin1");
}

/** Raw header text (a character an octet) as people should see it: 8-bit octets decoded as UTF-8, else Windows-1252. */
export function decodeRaw(text: string): string {
  return /[\x80-\xff]/.test(text) && !/[^\0-\xff]/.test(text)
    ? decodeUnlabelled(octetsOf(text))
    : text;
}
