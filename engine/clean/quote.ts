/** Putting octets into transfer encodings: RFC 2045, sections 6.7 and 6.8. */
import { Buffer } from "node:buffer";

/** Base64 in lines of 76 characters, without line end at its end. */
export function base64Lines(octets: Uint8Array, lineEnd: string): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString("base64");
  const lines: string[] = [];
  for (let at = 0; at < text.length; at += 76) lines.push(text.slice(at, at + 76));
  return lines.join(lineEnd);
}

/**
 * Quoted-printable of text octets; line ends in it (CRLF or LF) become `lineEnd`, a CR alone is quoted. Lines of at most 76
 * characters; what could be taken for a delimiter, a dot line or an mbox line is quoted, too. Without line end at its end.
 */
export function quoteText(octets: Uint8Array, lineEnd: string): string {
  const out: string[] = [];
  let line = "";
  const put = (piece: string) => {
    if (line.length + piece.length > 75) {
      out.push(line, "=", lineEnd);
      line = "";
    }
    line += piece;
  };
  for (let i = 0; i < octets.length; i++) {
    const octet = octets[i]!;
    const next = octets[i + 1];
    if (octet === 10 || octet === 13 && next === 10) {
      if (octet === 13) i++;
      out.push(line, lineEnd);
      line = "";
      continue;
    }
    const blank = octet === 32 || octet === 9;
    const lastOfLine = next === undefined || next === 10 || next === 13 && octets[i + 2] === 10;
    const plain = octet > 32 && octet < 127 && octet !== 61 || blank && !lastOfLine;
    const risky = line === "" &&
      (octet === 45 || octet === 46 || octet === 70 || octet === 98 || octet === 66);
    put(plain && !risky ? String.fromCharCode(octet) : hex(octet));
  }
  out.push(line);
  return out.join("");
}

function hex(octet: number): string {
  return `=${octet.toString(16).toUpperCase().padStart(2, "0")}`;
}
