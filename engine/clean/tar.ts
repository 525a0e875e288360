/** tar without some of its members: IEEE 1003.1, pax, section "ustar Interchange Format", and GNU's long names. */
import { Buffer } from "node:buffer";
import { latin1Text } from "../latin1.ts";
import { hasAscii, paddedName } from "../unpack/octets.ts";
import { MAX_REBUILD_MEMBERS } from "./limits.ts";
import { noticeName, type Rebuild, type Rebuilt } from "./rebuild.ts";

const BLOCK = 512;
/** Octets of the name field. */
const NAME = 100;

/** A member with the extension headers in front of it. */
interface Member {
  /** All of it, padding too. */
  readonly whole: Uint8Array;
  readonly extensions: Uint8Array;
  readonly header: Uint8Array;
  readonly content: Uint8Array;
  readonly isFile: boolean;
}

/** Writes a tar anew; see {@link Rebuild}. */
export function rebuildTar(octets: Uint8Array, rebuild: Rebuild): Rebuilt {
  const read = readStrictly(octets, rebuild);
  if (read === undefined) return undefined;
  const chunks: Uint8Array[] = [];
  let changed = false;
  for (const member of read.members) {
    const fate = member.isFile ? rebuild.fate(member.content) : { fate: "keep" as const };
    if (fate.fate === "keep") {
      chunks.push(member.whole);
      continue;
    }
    changed = true;
    if (fate.fate === "remove") chunks.push(...noticeMember(member, rebuild.notice));
    else {
      chunks.push(member.extensions, headerFor(member.header, fate.content.length));
      chunks.push(...padded(fate.content));
    }
  }
  if (!changed) return octets;
  return new Uint8Array(Buffer.concat([...chunks, octets.subarray(read.end)]));
}

/** Undefined where a header is not sound, a member of a kind that readers treat differently, or anything follows the end mark. */
function readStrictly(
  octets: Uint8Array,
  { budget }: Rebuild,
): { readonly members: readonly Member[]; readonly end: number } | undefined {
  const members: Member[] = [];
  let start = 0; // of the member's first extension header
  let extended = false;
  for (let at = 0; at + BLOCK <= octets.length && budget.time();) {
    const header = octets.subarray(at, at + BLOCK);
    if (isZero(header)) {
      return !extended && isZero(octets.subarray(at)) ? { members, end: at } : undefined;
    }
    const size = octal(header.subarray(124, 136));
    if (size === undefined || octal(header.subarray(148, 156)) !== checksum(header)) {
      return undefined;
    }
    const next = at + BLOCK + Math.ceil(size / BLOCK) * BLOCK;
    if (next > octets.length || members.length > MAX_REBUILD_MEMBERS) return undefined;
    const kind = String.fromCharCode(header[156]!);
    const content = octets.subarray(at + BLOCK, at + BLOCK + size);
    if ("xgLK".includes(kind)) {
      // Sparse maps and sizes in extension headers: what the content is hangs on the reader.
      const pax = kind === "x" || kind === "g";
      if (pax && /(?:^|\n)\d+ (?:size|GNU\.sparse)/.test(latin1Text(content))) return undefined;
      extended = true;
    } else if ("\x000123456".includes(kind) || kind === "7") {
      const isFile = kind === "\0" || kind === "0" || kind === "7";
      if (!isFile && size > 0) return undefined;
      members.push({
        whole: octets.subarray(start, next),
        extensions: octets.subarray(start, at),
        header,
        content,
        isFile,
      });
      extended = false;
      start = next;
    } else return undefined;
    at = next;
  }
  return undefined; // no end mark, or no time
}

function isZero(octets: Uint8Array): boolean {
  for (const octet of octets) if (octet !== 0) return false;
  return true;
}

/** Octal digits with blanks or NULs around them; undefined for anything else (base 256, too). */
function octal(field: Uint8Array): number | undefined {
  const digits = /^[ \0]*([0-7]+)[ \0]*$/.exec(latin1Text(field))?.[1];
  return digits === undefined ? undefined : parseInt(digits, 8);
}

function checksum(header: Uint8Array): number {
  let sum = 0;
  for (let i = 0; i < BLOCK; i++) sum += i >= 148 && i < 156 ? 32 : header[i]!;
  return sum;
}

function headerFor(header: Uint8Array, size: number): Uint8Array {
  const made = Buffer.from(header);
  made.write(`${size.toString(8).padStart(11, "0")}\0`, 124, "latin1");
  made.write(`${checksum(made).toString(8).padStart(6, "0")}\0 `, 148, "latin1");
  return made;
}

function padded(content: Uint8Array): Uint8Array[] {
  const rest = content.length % BLOCK;
  return rest === 0 ? [content] : [content, new Uint8Array(BLOCK - rest)];
}

/** A plain file in place of a member and its extension headers. */
function noticeMember({ header }: Member, notice: Uint8Array): Uint8Array[] {
  const made = Buffer.from(header);
  const prefix = hasAscii(header, 257, "ustar\0") ? paddedName(header.subarray(345, 500)) : "";
  const name = paddedName(header.subarray(0, NAME));
  const safe = Buffer.from(noticeName(prefix === "" ? name : `${prefix}/${name}`), "utf8");
  made.fill(0, 0, NAME);
  let from = Math.max(0, safe.length - NAME);
  while ((safe[from]! & 0xc0) === 0x80) from++; // not within a character
  made.set(safe.subarray(from), 0);
  made.fill(0, 345, BLOCK); // prefix, or what GNU keeps there
  made.write("0000644\0", NAME, "latin1");
  made[156] = 0x30;
  made.fill(0, 157, 257);
  return [headerFor(made, notice.length), ...padded(notice)];
}
