/** ZIP: the union of what any reader would take out. */
import type { NotScannedReason } from "../types.ts";
import { limitReason, outputLimit } from "./bounds.ts";
import { crc32 } from "./crc32.ts";
import { distinct, u32 } from "./octets.ts";
import type { Entry, UnpackContext } from "./unpacker.ts";
import { decipherAes, decipherOld } from "./zip_cipher.ts";
import { readZipDirectory, type ZipHeader, type ZipMember } from "./zip_directory.ts";
import { ZIP_METHODS, type ZipReading } from "./zip_methods.ts";

/** Where data without a told size ends: at the next record, whichever it is. */
function nextRecord(octets: Uint8Array, from: number): number {
  for (let at = octets.indexOf(0x50, from); at >= 0; at = octets.indexOf(0x50, at + 1)) {
    const record = u32(octets, at);
    // local header, central header, data descriptor, end record
    if (
      record === 0x04034b50 || record === 0x02014b50 || record === 0x08074b50 ||
      record === 0x06054b50
    ) return at;
  }
  return octets.length;
}

/** Opens ZIP and everything that is a zip inside: jar, apk, ooxml, odf, self-extracting, polyglots. */
export function* unzip(octets: Uint8Array, context: UnpackContext): Generator<Entry> {
  const { budget } = context;
  const directory = readZipDirectory(octets, budget);
  /** Data of members read whole, each further than those before: a zip inside is that member's own content, and opened with it. */
  const read: { readonly start: number; readonly end: number; readonly isStored: boolean }[] = [];
  const isInside = (place: number) => {
    const last = read.at(-1);
    return last !== undefined && place >= last.start && place < last.end;
  };
  /** In a program that knows zips there are headers, and no archive: no directory points at them, and no data are behind them. */
  const isArchive = !context.embedded ||
    directory.members.some(({ central }) => central.length > 0);
  for (const member of directory.members) {
    if (!budget.time()) return;
    const { central } = member;
    if (context.embedded && central.length === 0 && !isSound(octets, member, context)) {
      continue;
    }
    const isCovered = isInside(member.offset);
    // packed data are other octets than those that show in them: the content need not hold what they do
    const isHeld = isCovered &&
      central.every(({ place, closed = Infinity }) => isInside(place) && isInside(closed));
    if (isHeld && (central.length === 0 || read.at(-1)?.isStored)) continue;
    if ((isHeld || context.amid) && !isLocked(member)) {
      yield* pieces(octets, member, context);
      continue;
    }
    if (isCovered && !isHeld) context.note("malformed"); // members overlap
    const { entries, used, isStored } = readMember(octets, member, context);
    if (member.data + used > (read.at(-1)?.end ?? 0)) {
      read.push({ start: member.data, end: member.data + used, isStored });
    }
    yield* entries;
    // many entries of the directory for one piece of data: other programs unpack it as often
    if (central.length > 2 && !context.amid) context.note("malformed");
  }
  if (!isArchive || context.amid) return;
  let before = 0;
  for (const header of directory.lost) {
    if (!budget.time()) return;
    if (header.packed === 0) continue;
    // the directory of a zip that lies in a member, packed: it is opened with that
    while ((read[before]?.end ?? Infinity) <= header.place) before++;
    if ((read[before]?.start ?? Infinity) <= header.place) continue;
    yield {
      names: distinct(header.names),
      size: header.unpacked,
      notScanned: budgeted(context, "malformed"),
    };
  }
  if (directory.members.length === 0 && directory.lost.length === 0 && octets.length > 22) {
    context.note("malformed");
  }
}

function budgeted(context: UnpackContext, reason: NotScannedReason): NotScannedReason {
  context.budget.breach(reason);
  return reason;
}

/** Whether a local header is one: what it says of the data behind it is true, or they unpack to their end, which chance does not do. */
function isSound(octets: Uint8Array, member: ZipMember, context: UnpackContext): boolean {
  const quiet = { ...context, note: () => {} };
  return readAll(octets, member, [member.local], quiet).some(({ content, end }) =>
    end === "complete" && content !== undefined && content.length > 0 &&
    (member.local.method !== 0 || crc32(content) === member.local.crc)
  );
}

function isLocked({ central, local }: ZipMember): boolean {
  return [...central, local].every(({ flags }) => (flags & 1) === 1);
}

/** What looks like a member where another one's data lie: listed where it is whole and came out of nothing else, searched at least. */
function* pieces(
  octets: Uint8Array,
  member: ZipMember,
  context: UnpackContext,
): Generator<Entry> {
  const headers = [...member.central, member.local];
  const names = distinct(headers.flatMap((header) => header.names));
  const checks = new Set(headers.map(({ crc }) => crc));
  for (const { content, end } of readAll(octets, member, headers, context)) {
    // over the budget, which has noted it: these may be the same octets again and again
    if (end === "octets") return;
    if (!content || content.length === 0) continue;
    const isWhole = end === "complete" && checks.has(crc32(content));
    yield { names, content, ...(isWhole ? { again: true } : { quiet: true, isText: true }) };
  }
}

function readMember(
  octets: Uint8Array,
  member: ZipMember,
  context: UnpackContext,
): { entries: readonly Entry[]; used: number; isStored: boolean } {
  const headers = [...member.central, member.local];
  const names = distinct(headers.flatMap((header) => header.names));
  const isFolder = headers.every((header) =>
    header.packed === 0 && /[/\\]$/.test(header.names[0] ?? "")
  );
  if (isFolder) {
    context.budget.file();
    return { entries: [], used: 0, isStored: false };
  }
  const readings = readAll(octets, member, headers, context);
  const whole = readings.filter((r) => r.end === "complete");
  const used = Math.max(0, ...whole.map((r) => r.used));
  const isStored = whole.some((r) => r.isStored && r.used === used);
  const checks = new Set(headers.map((header) => header.crc));
  const matches = (r: ZipReading) => r.content !== undefined && checks.has(crc32(r.content));
  const marked = headers.filter((header) => (header.flags & 1) === 1).length;
  const sound = readings.filter((r) => r.end === "complete" && matches(r));
  if (marked === headers.length && sound.length === 0) {
    const packed = Math.max(...headers.map((header) => header.packed));
    const opened = openMember(octets, member, headers, context);
    if (opened) {
      const notScanned = opened.end === "complete" ? undefined : opened.end;
      if (notScanned) context.budget.breach(notScanned);
      const { content = new Uint8Array(0) } = opened;
      const reason = notScanned ? { notScanned } : {};
      const entry: Entry = { names, content, encrypted: true, packedSize: packed, ...reason };
      return {
        entries: [entry],
        used: Math.min(packed, octets.length - member.data),
        isStored: false,
      };
    }
    const entry: Entry = {
      names,
      size: Math.max(...headers.map((header) => header.unpacked)),
      encrypted: true,
      packedSize: packed,
      notScanned: budgeted(context, "encrypted"),
    };
    return {
      entries: [entry],
      used: Math.min(packed, octets.length - member.data),
      isStored: false,
    };
  }
  const entries = readings.map((reading): Entry => {
    // where one reading is sound, the others may be what they are; what could not be read at all stays unknown
    const isFine = sound.length > 0 && reading.content !== undefined;
    const notScanned = isFine ? undefined : reading.end === "complete" ? "malformed" : reading.end;
    if (notScanned) context.budget.breach(notScanned);
    return {
      names,
      ...(reading.content ? { content: reading.content } : { size: headers[0]?.unpacked ?? 0 }),
      packedSize: headers[0]?.packed ?? 0,
      ...(notScanned ? { notScanned } : {}),
    };
  });
  return { entries, used, isStored };
}

/** Reads the data in every way that one of the headers asks for; the same way only once, empty or repeated contents not at all. */
function readAll(
  octets: Uint8Array,
  member: ZipMember,
  headers: readonly ZipHeader[],
  context: UnpackContext,
): readonly ZipReading[] {
  const { budget } = context;
  const readings: ZipReading[] = [];
  const done = new Set<string>();
  for (const header of headers) {
    if (header.method === 0) {
      for (const size of storedSizes(octets, member, header)) {
        if (done.has(`0:${size}`)) continue;
        done.add(`0:${size}`);
        readings.push(stored(octets.subarray(member.data, member.data + size), size, budget));
      }
      continue;
    }
    const key = String(header.method);
    if (done.has(key)) continue;
    done.add(key);
    readings.push(unpack(octets.subarray(member.data), header, octets.length, context));
  }
  // "stored, no octets" is what a header without sizes says when another one knows better
  const telling = readings.filter((r) => r.content?.length !== 0);
  return telling.length > 0 ? telling : readings.slice(0, 1);
}

/** @param archive Octets of the whole archive. */
function unpack(
  data: Uint8Array,
  header: ZipHeader,
  archive: number,
  context: UnpackContext,
): ZipReading {
  const { budget } = context;
  const method = ZIP_METHODS[header.method];
  if (!method) return { used: header.packed, end: "unsupported" };
  const reading = method(data, header, outputLimit(budget, archive, header.unpacked), context);
  const end = reading.end === "ratio" ? limitReason(budget, archive) : reading.end;
  budget.unpacked(reading.content?.length ?? 0);
  return { ...reading, end };
}

/** Reads a member that is encrypted, if one of the passwords fits. */
function openMember(
  octets: Uint8Array,
  member: ZipMember,
  headers: readonly ZipHeader[],
  context: UnpackContext,
): ZipReading | undefined {
  const { budget, passwords } = context;
  for (const header of headers) {
    if (header.packed === 0) continue;
    const data = octets.subarray(member.data, member.data + header.packed);
    const checks = new Set([header.crc >>> 24, header.time >>> 8]);
    for (const password of passwords.candidates()) {
      if (!budget.time()) return undefined;
      const plain = header.method !== 99
        ? decipherOld(data, password, checks)
        : header.aes && decipherAes(data, password, header.aes.strength);
      if (!plain) continue;
      const method = header.aes?.method ?? header.method;
      const inner = { ...header, method, packed: plain.length };
      const reading = method === 0
        ? stored(plain, plain.length, budget)
        : unpack(plain, inner, octets.length, context);
      // AES has proved itself by its HMAC, and version 2 of it has no CRC
      const isSound = header.method === 99 || reading.end === "octets" || reading.end === "ratio" ||
        (reading.content !== undefined && crc32(reading.content) === header.crc);
      if (!isSound) continue;
      passwords.fits(password);
      return reading;
    }
  }
  return undefined;
}

function storedSizes(octets: Uint8Array, member: ZipMember, header: ZipHeader): readonly number[] {
  const sizes = new Set([header.packed, header.unpacked]);
  const descriptor = (header.flags & 8) !== 0;
  if (header.packed === 0 && (descriptor || member.central.length === 0)) {
    sizes.add(nextRecord(octets, member.data) - member.data);
  }
  if (sizes.size > 1) sizes.delete(0);
  return [...sizes];
}

function stored(content: Uint8Array, size: number, budget: UnpackContext["budget"]): ZipReading {
  const charged = budget.unpacked(content.length);
  const end = !charged ? "octets" : content.length < size ? "malformed" : "complete";
  return { content, used: content.length, end, isStored: true };
}
