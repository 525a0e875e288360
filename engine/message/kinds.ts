/** What a media type or a few octets say of a part. */
import type { Meaning } from "./meaning.ts";

/** Whether readers look for files in a decoded content: in text, or in what reads as text from the start. */
export function mayHoldText(meaning: Meaning, octets: Uint8Array): boolean {
  const { types } = meaning;
  if (
    types.length === 0 ||
    types.some((type) => /^(?:text|message|multipart)\/|uu|binhex|yenc/.test(type))
  ) {
    return true;
  }
  const most = Math.min(octets.length, 256);
  for (let i = 0; i < most; i++) {
    const octet = octets[i]!;
    if (octet < 9 || octet > 13 && octet < 32) return false;
  }
  return true;
}

/** Types whose body is made of parts. */
export function isMultipart(type: string): boolean {
  return type.startsWith("multipart/");
}

/** Types whose body is a message (RFC 2046, section 5.2.1; RFC 6532; news of RFC 5536). */
export function isMessage(type: string): boolean {
  return type === "message/rfc822" || type === "message/global" || type === "message/news" ||
    type === "message/rfc2822";
}

/** Whether there is nothing but blanks, line ends and control characters. */
export function isBlank(octets: Uint8Array): boolean {
  for (const octet of octets) {
    if (octet > 32) return false;
  }
  return true;
}
