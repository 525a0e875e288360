/** cpio, ar (Debian packages, libraries) and RPM: simple rows of headers and octets. */
import type { NotScannedReason } from "../types.ts";
import { latin1Text } from "../latin1.ts";
import { hasAscii, nameText, u16, u16be, u32be } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";

interface Member {
  readonly name: string;
  readonly data: number;
  readonly size: number;
  readonly next: number;
}

function digits(octets: Uint8Array, at: number, length: number, radix: number): number {
  const value = parseInt(latin1Text(octets.subarray(at, at + length)), radix);
  return Number.isNaN(value) ? 0 : value;
}

const padded = (value: number, to: number) => Math.ceil(value / to) * to;

/** One cpio header in any of its forms: cpio(5). */
function cpioMember(octets: Uint8Array, at: number): Member | undefined {
  const member = (
    header: number,
    nameSize: number,
    size: number,
    pad: number,
    base: number,
  ): Member => {
    const name = nameText(octets.subarray(at + header, at + header + Math.min(nameSize, 1025)))
      .replace(/\0.*$/s, "");
    const data = base + padded(at + header + nameSize - base, pad);
    return { name, data, size, next: base + padded(data + size - base, pad) };
  };
  if (hasAscii(octets, at, "070701") || hasAscii(octets, at, "070702")) {
    return member(110, digits(octets, at + 94, 8, 16), digits(octets, at + 54, 8, 16), 4, at);
  }
  if (hasAscii(octets, at, "070707")) {
    return member(76, digits(octets, at + 59, 6, 8), digits(octets, at + 65, 11, 8), 1, at);
  }
  const read = u16(octets, at) === 0x71c7 ? u16 : u16be(octets, at) === 0x71c7 ? u16be : undefined;
  if (!read) return undefined;
  const size = read(octets, at + 22) * 65536 + read(octets, at + 24);
  return member(26, read(octets, at + 20), size, 2, at);
}

function* take(
  octets: Uint8Array,
  { name, data, size }: Member,
  context: UnpackContext,
): Generator<Entry> {
  const content = octets.subarray(data, data + size);
  const notScanned: NotScannedReason | undefined = content.length < size ? "malformed" : undefined;
  if (notScanned) context.budget.breach(notScanned);
  context.budget.unpacked(content.length);
  if (size > 0) yield { names: name ? [name] : [], content, ...(notScanned ? { notScanned } : {}) };
  else context.budget.file();
}

/** Opens cpio. */
export function* uncpio(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  let at = 0;
  while (at < octets.length && context.budget.time()) {
    const member = cpioMember(octets, at);
    if (!member) {
      if (octets.subarray(at).some((octet) => octet !== 0)) context.note("malformed");
      return;
    }
    if (member.name === "TRAILER!!!") {
      const rest = octets.subarray(member.next);
      if (rest.some((octet) => octet !== 0)) yield { names: [], content: rest };
      return;
    }
    yield* take(octets, member, context);
    at = member.next;
  }
}

/** Opens ar: names in 16 octets, in a table of long names (GNU), or in front of the content (BSD). */
export function* unar(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  let long = "";
  let at = 8;
  while (at + 60 <= octets.length && context.budget.time()) {
    if (!hasAscii(octets, at + 58, "`\n")) return context.note("malformed");
    const size = digits(octets, at + 48, 10, 10);
    let name = latin1Text(octets.subarray(at, at + 16)).trimEnd();
    let data = at + 60;
    let own = size;
    if (name === "//") long = latin1Text(octets.subarray(data, data + Math.min(size, 1 << 20)));
    const place = /^\/(\d+)$/.exec(name);
    if (place) name = /^[^\n]*/.exec(long.slice(Number(place[1])))?.[0] ?? name;
    const bsd = /^#1\/(\d+)$/.exec(name);
    if (bsd) {
      const length = Math.min(Number(bsd[1]), size, 4096);
      name = nameText(octets.subarray(data, data + length)).replace(/\0+$/, "");
      data += length;
      own -= length;
    }
    at += 60 + padded(size, 2);
    if (name !== "//" && name !== "/") {
      yield* take(octets, { name: name.replace(/\/$/, ""), data, size: own, next: at }, context);
    }
  }
}

/** Opens RPM: a lead of 96 octets, signature and header, then the packed cpio. */
export function* unrpm(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  let at = 96;
  for (let header = 0; header < 2; header++) {
    if (u32be(octets, at) !== 0x8eade801) return context.note("malformed");
    at += 16 + u32be(octets, at + 8) * 16 + u32be(octets, at + 12);
    if (header === 0) at = padded(at, 8);
  }
  const content = octets.subarray(at);
  context.budget.unpacked(content.length);
  yield { names: ["payload"], content };
}
