/** xtext: RFC 3461, section 4. XFORWARD and XCLIENT attributes, ENVID and ORCPT are written in it. */

/**
 * @returns the decoded text; `undefined` when `+` is not followed by two upper-case hex digits, or the text holds what xtext may
 * not. What was encoded is not judged here: `+0D+0A` decodes to CRLF.
 */
export function decodeXtext(text: string): string | undefined {
  if (!text.includes("+")) return /^[\x21-\x3c\x3e-\x7e]*$/.test(text) ? text : undefined;
  if (!/^(?:\+[0-9A-F]{2}|[\x21-\x2a\x2c-\x3c\x3e-\x7e])*$/.test(text)) return undefined;
  const octets = text.replace(
    /\+([0-9A-F]{2})/g,
    (_, hex) => String.fromCharCode(parseInt(hex, 16)),
  );
  return new TextDecoder().decode(Uint8Array.from(octets, (c) => c.charCodeAt(0)));
}

/** Encodes text of any characters; non-ASCII as UTF-8. */
export function encodeXtext(text: string): string {
  let out = "";
  for (const octet of new TextEncoder().encode(text)) {
    const plain = octet > 0x20 && octet < 0x7f && octet !== 0x2b && octet !== 0x3d;
    out += plain
      ? String.fromCharCode(octet)
      : `+${octet.toString(16).toUpperCase().padStart(2, "0")}`;
  }
  return out;
}
